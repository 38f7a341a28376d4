"""What a team declares about getting better: rehearsals, replays, follow-ups, a digest, where tickets go."""
