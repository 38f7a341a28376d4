"""What a total should be: forecasts, their scatter, and days that are not like others."""
