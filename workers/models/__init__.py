"""A team's model, loaded in a process of its own: scores, layers, requests computed once more."""
