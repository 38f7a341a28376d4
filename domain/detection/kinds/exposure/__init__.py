"""Checks of what is shown to whom, and what is chosen."""
