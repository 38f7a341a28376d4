"""Where follow-ups have their tickets, synchronised both ways: one file per kind, one table of kinds."""
