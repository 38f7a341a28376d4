"""The processes: what Celery runs, the clock, and which handler settles which obligation."""
