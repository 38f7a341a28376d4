"""The events themselves: encoded, chained, sealed, appended and read."""
