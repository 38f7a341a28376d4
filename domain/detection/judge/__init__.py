"""Observed against usual: how surprising, where, whether it is reported, and how it is measured again."""
