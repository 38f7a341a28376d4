"""What is kept of a diagnosis so that it can be repeated: what goes in, what stays out, what is compared."""
