"""`recsysops` in a terminal: one file a command."""
