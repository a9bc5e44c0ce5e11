"""The demonstration: a believable installation on a clock that can be moved forward. Exists in no other mode."""
