"""Whether an incident makes the practice better, and the next one of its kind is found sooner."""
