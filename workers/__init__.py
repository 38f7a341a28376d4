"""Everything that runs unattended; the only code that writes to the log."""

from workers.environment.journal import write_plainly

write_plainly()
