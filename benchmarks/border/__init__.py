"""What the web process makes of strangers."""
