"""Seen against usual: how surprising, where, whether it is told, and how it is measured again."""
