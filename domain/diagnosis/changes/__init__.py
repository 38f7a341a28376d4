"""What has changed since the onset: features delivered or fed, values and their names, the model."""
