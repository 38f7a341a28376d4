"""What a browser sees: report pages, pictures, health and metrics."""
