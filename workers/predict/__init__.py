"""The launch calendar looked at: forecasts, and how they held."""
