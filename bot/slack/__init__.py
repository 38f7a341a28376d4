"""Slack: what it sends, verified and answered, and what is posted to it."""
