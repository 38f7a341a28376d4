"""The processes: what Celery runs, the clock, and who handles which obligation."""
