"""Kinds of cause, one file each."""
