"""Whether the practice gets better: follow-ups, ledger, times, scorecard."""
