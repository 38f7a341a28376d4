"""What a team declares of getting better: rehearsals, replays, follow-ups, a digest, where tickets go."""
