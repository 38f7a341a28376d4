"""What is written to begin with: a first declaration for tables that are there, a check of one's own."""
