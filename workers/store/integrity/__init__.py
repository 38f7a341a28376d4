"""Whether the log is what was written: guards, checkpoints, and the walk along the chain."""
