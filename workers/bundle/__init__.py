"""Bundles on disk: what a diagnosis read and showed is kept, opened, exported and diagnosed again."""
