"""What a total should be: forecasts, their scatter, and days unlike others."""
