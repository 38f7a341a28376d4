"""The commands of whoever looks after the log."""
