"""What keys of a declaration may hold, and how lengths of time and names are written."""
