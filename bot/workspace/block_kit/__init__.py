"""What Slack accepts in blocks and views, and what it refuses."""
