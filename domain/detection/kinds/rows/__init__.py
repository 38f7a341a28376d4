"""Checks of rows and columns: what is wrong with each, and how they are distributed."""
