"""What people see: pure functions from an incident to Slack blocks, Markdown and HTML."""
