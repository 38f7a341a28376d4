"""The declaration (`recsysops.toml`), read and held against the kinds that it may name."""
