"""Checks of what is shown to whom, and of what is chosen."""
