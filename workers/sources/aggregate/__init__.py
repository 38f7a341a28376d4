"""Counts, sums and bins rows by window and slice: in the engine, so that only the sums come back."""
