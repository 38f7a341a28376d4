"""A log by slice: planned, looked at, examined."""
