"""The possible causes, each proposed by its kind and checked against when, where and how much."""
