"""What goes on inside the model: what it was expected to do, and what it makes of each feature."""
