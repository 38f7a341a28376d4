"""The declaration (`recsysops.toml`): reading it, and validating it against the installed kinds."""
