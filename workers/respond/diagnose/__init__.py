"""From the tables to a diagnosis: what is read for it, and the job that makes it."""
