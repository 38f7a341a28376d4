"""Alembic's migrations of the store. A version imports nothing of ours: it must mean the same for ever."""
