"""Checks of rows and columns: what is wrong with each row, and how columns are distributed."""
