"""Whether it gets better: follow-ups, ledger, times, scorecard."""
