"""Does a follower ever pass an event? Writers linger, give up and are killed: `python -m benchmarks.gap`."""
