"""Logged requests run again: to the bit as logged, or which step differs, where, and by how much."""
