"""What is learnt from many controls together: surveys, statistics. Never anything about one person, no group under 11."""
