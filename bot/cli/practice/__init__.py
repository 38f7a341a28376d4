"""Whether it gets better: records of checks, replays, rehearsals, follow-ups, ML Test Score, scorecard."""
