"""A metric by the window judged: how rare it is in several ways, and when an anomaly begins and ends."""
