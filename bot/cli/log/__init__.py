"""The commands for maintaining the log."""
