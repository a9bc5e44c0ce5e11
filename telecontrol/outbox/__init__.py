"""What must be told or sent outside, as rows; how it is sent at most once more than needed; what became of it."""
