"""What of a diagnosis is kept so that it can be repeated: what goes in, what stays out, what is compared."""
