"""What the newest training took otherwise than those before it: rows of a segment, or their labels."""
