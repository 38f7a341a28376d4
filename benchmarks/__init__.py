"""Speed and size, measured on the real processes: `python -m benchmarks.NAME`, a NAME for each folder."""
