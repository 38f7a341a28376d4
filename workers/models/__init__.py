"""A team's model, loaded in a process of its own: its scores, and requests computed again."""
