"""Whether an incident improves the practice, and the next one of its kind is found sooner."""
