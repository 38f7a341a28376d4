"""Ways to rank logged requests once more, as a hotfix would have had them ranked."""
