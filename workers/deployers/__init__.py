"""Where a hotfix is carried to: one file a kind, one table of kinds."""
