"""`recsysops` in a terminal: one file per command."""
