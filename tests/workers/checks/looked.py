"""What a check reports for a window after looking at the earlier ones, as it does in production."""

from __future__ import annotations

from datetime import datetime, timedelta

from domain.recommender.recommender import Recommender
from domain.values import Finding
from workers.checks.run import State, run_checks

LATER = timedelta(seconds=30)  # after a window's end, by when its rows are there


def findings_at(recommender: Recommender, end: datetime, width: timedelta, looks: int = 3) -> list[Finding]:
    """The findings of the window that ends at `end`, after looks at the ones before it."""
    state = State()
    for back in reversed(range(looks)):
        result = run_checks(recommender, end + LATER - back * width, state)
        state = result.state
    return list(result.findings)
