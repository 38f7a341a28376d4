"""A fifth world: places to stay in four countries, whose tables are in PostgreSQL."""
