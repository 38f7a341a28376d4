"""One incident: commands in, events out, everything shown folded from them."""
