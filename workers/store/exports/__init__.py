"""The log in files: exported, archived, and what is kept for how long."""
