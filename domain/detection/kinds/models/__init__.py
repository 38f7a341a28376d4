"""Checks of models, their features, and what serves."""
