"""A third world: a job board whose traffic has days and nights, and which logs few of its requests."""
