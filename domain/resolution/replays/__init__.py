"""Ways to rank logged requests again, as they would be ranked under a hotfix."""
