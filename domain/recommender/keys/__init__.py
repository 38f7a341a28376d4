"""What keys of a declaration may hold, and how durations and names are written."""
