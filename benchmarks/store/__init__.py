"""The store beside a bare table and two event stores, on one PostgreSQL: `python -m benchmarks.store`."""
