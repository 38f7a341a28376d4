"""Rows of which something is wrong, as columns of 0 and 1, counted in the engine."""
