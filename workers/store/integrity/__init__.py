"""Whether the log is what was written: guards, checkpoints, and checking along the chain."""
