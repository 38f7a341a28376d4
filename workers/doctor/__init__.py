"""`recsysops doctor`: the declaration held against the real sources, one file for each thing examined."""
