"""Checks of a table as a whole and of metrics by the window."""
