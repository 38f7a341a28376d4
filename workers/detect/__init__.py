"""A detection run: takes every check that is due, and writes its findings to the log as incidents."""
