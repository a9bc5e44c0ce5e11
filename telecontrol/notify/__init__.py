"""What people are told: messages, their words, and the channels that carry them. Knows nothing of appointments' tables."""
