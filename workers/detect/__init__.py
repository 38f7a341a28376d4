"""A detection run: every check that is due, and what it finds in the log as incidents."""
