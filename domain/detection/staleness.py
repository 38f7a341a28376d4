"""
How old what serves is: the model, or the newest row that it learned from.

A training that fails leaves the old model serving, and nothing else shows it: the table of runs has no new
row, the log goes on. The age now is held against a promise, or against the ages that models had when they
were replaced, as silences are (`freshness`): once or twice late was an outage, three times is a habit.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt

from domain.detection.freshness import SEV1_TIMES, SEV2_TIMES, Usual, usual_silence
from domain.detection.state import SHORT_SECONDS as LONG
from domain.detection.state import CheckState, Verdict, confirm
from domain.recommender.check import Check
from domain.recommender.duration import name_duration
from domain.values import Finding, Severity

DAY_SECONDS, HOUR_SECONDS = 86_400, 3_600
FINE_DAYS = 2  # from which on an age is told in hours


@dataclass(frozen=True)
class Ages:
    """
    What served, one after the other, unix seconds: `since` (n,) when each began to, ascending, and `born`
    (n,) from when it is. `serving` is the place of the one that serves at `at`. `width` is how finely ages
    are told, seconds; `what` is said to be so old.
    """

    since: npt.NDArray[np.float64]
    born: npt.NDArray[np.float64]
    serving: int
    at: float
    width: float
    what: str = "the model that serves"

    @property
    def age(self) -> float:
        """Seconds, of what serves."""
        return self.at - float(self.born[self.serving])

    def replaced(self) -> npt.NDArray[np.float64]:
        """(n − 1,) how old each was when the next one took its place."""
        return np.asarray(self.since[1:] - self.born[:-1])


def judge_staleness(check: Check, ages: Ages, state: CheckState) -> Verdict:
    """Whether what serves is older than the promise `within`, or than it ever usually becomes."""
    if not len(ages.born):
        return Verdict(state=state, judged=False, note="nothing was trained yet")
    usual = usual_age(check, ages, state)
    if usual is None:
        return Verdict(state=state, judged=False, note="not enough history yet")
    findings = [_finding(check, ages, usual)] if ages.age > usual.limit else []
    return confirm(state, findings, LONG, datetime.fromtimestamp(ages.at, UTC))


def usual_age(check: Check, ages: Ages, state: CheckState) -> Usual | None:
    """How old it usually becomes; None with fewer than seven replacements and no promise."""
    within = check.within.total_seconds() if check.within else None
    good = np.ones(max(len(ages.since) - 1, 0), dtype=bool)
    for wrong in state.wrong(datetime.fromtimestamp(ages.at, UTC)):
        good &= ~((ages.since[1:] > wrong.since.timestamp()) & (ages.since[1:] <= wrong.until.timestamp()))
    replaced = ages.replaced()
    return usual_silence(replaced[good], ages.width, within) or usual_silence(replaced, ages.width, within)


def _finding(check: Check, ages: Ages, usual: Usual) -> Finding:
    at = datetime.fromtimestamp(ages.at, UTC)
    times = ages.age / max(usual.longest, 1.0)
    worst = Severity.SEV2 if times >= SEV1_TIMES else Severity.SEV3
    should = f"{'promised' if check.within else 'usually'} at most {told(usual.longest)}"
    return Finding(
        check=check.name,
        table=check.table or "",
        subject=check.as_of or "age",
        window_start=datetime.fromtimestamp(float(ages.born[ages.serving]) + usual.longest, UTC),
        window_end=at,
        observed=round(ages.age, 1),
        expected=round(usual.longest, 1),
        low=0.0,
        high=round(usual.limit, 1),
        unit="seconds",
        p_value=usual.p_value(ages.age),
        severity=check.severity or (worst if times >= SEV2_TIMES else Severity.SEV4),
        affected_share=1.0,
        title=f"{check.table}: {ages.what} is {told(ages.age)} old, {should}",
    )


def told(seconds: float) -> str:
    """
    An age in words, as finely as its length asks for.

    >>> told(100_000.0), told(400_000.0)
    ('1d3h47m', '4d15h')
    """
    fine = DAY_SECONDS // 24 if seconds >= FINE_DAYS * DAY_SECONDS else 60 if seconds >= HOUR_SECONDS else 1
    return name_duration(timedelta(seconds=round(seconds / fine) * fine))
