"""The living message of an incident and its thread."""
