"""What runs without a person; the only writers of the log."""

from workers.journal import write_plainly

write_plainly()
