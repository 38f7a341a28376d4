"""Generates starting points: a first declaration for existing tables, and a check of one's own."""
