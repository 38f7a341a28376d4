"""The kinds of checks, one file each: about rows, tables, models, or what is shown."""
