"""Recommenders of strangers: what the practice is tried on."""
