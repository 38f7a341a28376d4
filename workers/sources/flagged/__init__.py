"""Rows with something wrong, flagged in columns of 0 and 1 and counted in the engine."""
