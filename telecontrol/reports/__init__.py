"""Conclusions, sealed notes, the 48-hour report and the way it reaches the insurer."""
