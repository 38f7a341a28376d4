"""A team's model, loaded in a process of its own: its scores, its layers, and requests computed again."""
