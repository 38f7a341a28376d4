"""What Slack takes of blocks and views, and what it refuses."""
