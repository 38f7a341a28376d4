"""What a team declares about getting better: rehearsals, replays, follow-ups, where tickets go."""
