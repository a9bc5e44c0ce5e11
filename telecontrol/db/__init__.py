"""Tables' base, the unit of work, the journal."""
