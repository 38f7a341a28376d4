"""What a team declares of getting better: rehearsals, replays, follow-ups, and where tickets go."""
