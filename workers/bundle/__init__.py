"""Bundles on disk: what a diagnosis read and showed, kept, opened, exported, and diagnosed once more."""
