"""`recsysops doctor`: compares the declaration with the real sources, one file per thing examined."""
