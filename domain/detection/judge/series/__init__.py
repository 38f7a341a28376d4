"""A metric judged by window: how rare it is in several ways, and when an anomaly begins and ends."""
