"""What is logged for each slice of the requests: planned beforehand, and examined afterwards."""
