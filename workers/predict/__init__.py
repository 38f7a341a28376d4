"""Watches the launch calendar: forecasts launches, and scores how the forecasts held."""
