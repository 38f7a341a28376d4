"""Counts of rows judged: a total, an hour of it, what has lasted, and slices by one window or several."""
