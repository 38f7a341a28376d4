"""Whether past incidents make the practice better, and show it."""
