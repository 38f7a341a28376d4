"""
The model version that serves, where it should be: a replica left behind, a canary too wide or in one place.

What should serve is declared, or said by the model's registry, so that nothing is learned: a replica that
has served an old model for weeks is as wrong as on its first day. Shares add up to one, so that only what
serves too much is told: what serves too little is the same rows seen from the other side.

A slice may be off by `LEAST_SHARE`, and by what chance makes of so few rows on top of that; rows that were
assigned together (all requests of a member) have to be counted once, by the check's `per`.
"""

from __future__ import annotations

import numpy as np

from domain.detection.portion import Portions, Promise, Words, judge_portions
from domain.detection.state import CheckState, Verdict
from domain.detection.tally import Tally
from domain.detection.title import percent
from domain.recommender.check import Check

LEAST_SHARE = 0.02  # by which a version's share may be off, where nothing is declared


def _says(version: str, observed: float, due: float) -> str:
    should = f"of {percent(due)}" if due > 0 else "of nothing"
    return f"{version} serves {percent(observed)} instead {should}"


WORDS = Words(says=_says, unit=lambda version: f"rows served by {version}", way="surge")


def promise_of(check: Check, columns: tuple[str, ...]) -> Promise:
    """What each of the versions should serve: nothing, where it is not declared."""
    least = check.least_share if check.least_share is not None else LEAST_SHARE
    share = np.array([check.versions.get(name, 0.0) for name in columns])
    return Promise(share, np.full(len(columns), least))


def served_of(tally: Tally) -> Portions:
    """`tally`: of all rows those that each version served. No window before the judged one says anything."""
    rows = np.broadcast_to(tally.rows[:, :, None], tally.bad.shape)
    last = slice(len(rows) - 1, len(rows))
    first = tally.first + len(rows) - 1
    return Portions(tally.grid, tally.cells, tally.columns, rows[last], tally.bad[last], first)


def judge_versions(
    check: Check, tally: Tally, state: CheckState, looks_per_week: float | None = None
) -> Verdict:
    """
    Whether a version serves more than its part, in all or in a slice. See `portion.judge_portions`.

    Args:
        check: its `versions` say what should serve in the last window.
    """
    served = served_of(tally)
    return judge_portions(check, served, state, looks_per_week, WORDS, promise_of(check, served.columns))
