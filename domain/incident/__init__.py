"""One incident: commands in, events out; everything shown is folded from the events."""
