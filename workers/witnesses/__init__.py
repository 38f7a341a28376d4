"""Where checkpoints of the log are kept outside the database. One file per kind, one table of kinds."""
