"""The cinema in simulated time: two weeks in which nothing is wrong, and each of its faults."""
