"""Where hotfixes are deployed: one file per kind, one table of kinds."""
