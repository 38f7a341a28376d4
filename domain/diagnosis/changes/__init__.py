"""What is other than before the onset: features delivered or fed, values and their names, the model."""
