"""Incidents as regression tests: what checks read, kept small, and today's practice run over all of it."""
