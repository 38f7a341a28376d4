"""What runs without a person; the only writers of the log."""

from workers.environment.journal import write_plainly

write_plainly()
