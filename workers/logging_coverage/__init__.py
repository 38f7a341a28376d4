"""What is logged of each slice of the requests: planned before it is switched on, looked at afterwards."""
