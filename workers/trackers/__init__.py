"""Where a follow-up has its ticket, in step both ways: one file a kind, one table of kinds."""
