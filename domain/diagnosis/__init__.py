"""Why it happened: attribution, what changed, candidate causes, requests run again."""
