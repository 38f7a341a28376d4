"""Checks of a table as a whole and of metrics by window."""
