"""Whether it gets better, in words: scorecard, ML Test Score, rehearsals, replays."""
