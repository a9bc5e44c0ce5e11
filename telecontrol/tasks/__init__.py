"""What a human must do."""
