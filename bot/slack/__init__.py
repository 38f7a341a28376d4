"""Slack: verifies and answers what it sends, and posts to it."""
