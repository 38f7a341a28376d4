"""A third world: a job board, whose traffic has days and nights, and of which few requests are logged."""
