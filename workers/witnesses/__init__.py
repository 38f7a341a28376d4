"""Where checkpoints of the log are kept outside the database. One file a kind, one table of kinds."""
