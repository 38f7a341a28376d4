"""What could be the cause, each by its kind, held against when, where and how much."""
