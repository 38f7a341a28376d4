"""Rows counted, summed and binned by window and slice: in the engine, and only the sums come back."""
