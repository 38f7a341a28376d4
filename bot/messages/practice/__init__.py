"""Whether the practice is improving, in words: scorecard, ML Test Score, rehearsals, replays."""
