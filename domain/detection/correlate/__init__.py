"""Which findings belong together: one incident for one cause."""
