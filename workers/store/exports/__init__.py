"""The log in files: exports and archives, and how long things are kept."""
