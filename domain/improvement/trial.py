"""
Whether a replayed check is worth having: how much sooner it finds the incident, and how many alarms it adds.

Alarms are counted over the time before the incident, when nothing was wrong yet; those that existing checks
would have raised as well are not counted. Alarms are rare, so their rate has a Poisson interval, which never
has width zero: even without any alarm it says how many a week there may be.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Literal

from scipy.stats import chi2

from domain.recommender.keys.duration import name_duration
from domain.values import Estimate, Value

CONFIDENCE = 0.9
MOST_PROPOSED = 3
LEAST_COVERED = timedelta(days=1)
"""With less than this, not even every hour of a day was seen."""

WEEK = timedelta(weeks=1)

Refusal = Literal[
    "finds no sooner", "adds too many alarms", "history too short to judge", "table does not answer"
]
IN_WORDS: Mapping[Refusal, tuple[str, str]] = {
    "finds no sooner": ("finds it no sooner", "find it no sooner"),
    "adds too many alarms": ("adds too many alarms", "add too many alarms"),
    "history too short to judge": ("has too short a history to judge", "have too short a history to judge"),
    "table does not answer": ("got no answer from its table", "got no answer from their tables"),
}
"""Why replayed checks were refused, in words: for one check, and for several."""

LEAST_SAVED = timedelta(minutes=1)
"""Saving less than this counts as nothing: nobody wants another check for it."""


class Trial(Value):
    """
    The result of replaying one check: `saved` is the time gained, None where it would not have found it at
    all; `alarms` are those within `judged`, the time it could judge, in stretches of the time `covered`.
    """

    saved: timedelta | None
    alarms: int
    judged: timedelta
    covered: timedelta


def rate(alarms: int, judged: timedelta) -> Estimate:
    """
    How many alarms per week a count over some time corresponds to.

    Source:
        The exact interval of a Poisson count: Garwood (1936), Biometrika 28.

    >>> found = rate(0, timedelta(weeks=4)); found.value, found.low, round(found.high, 2)
    (0.0, 0.0, 0.75)
    """
    weeks, tail = judged / WEEK, (1 - CONFIDENCE) / 2
    if weeks <= 0:
        return Estimate(value=None, unit="alarms a week", confidence=CONFIDENCE, basis="it could not judge")
    low = float(chi2.ppf(tail, 2 * alarms)) / 2 / weeks if alarms else 0.0
    high = float(chi2.ppf(1 - tail, 2 * alarms + 2)) / 2 / weeks
    basis = f"replay of {_long(judged)} before the incident"
    return Estimate(
        value=alarms / weeks,
        low=low,
        high=high,
        unit="alarms a week",
        confidence=CONFIDENCE,
        basis=basis,
    )


def _long(judged: timedelta) -> str:
    return f"{judged / WEEK:.1f} weeks" if judged >= LEAST_COVERED else name_duration(judged)


def refused(trial: Trial, most_alarms: float) -> Refusal | None:
    """
    Why a check is not proposed; None where it is proposed.

    Args:
        most_alarms: how many a week it may add.

    A check is added in shadow mode and promoted by its record, so the replay need not prove that it adds no
    more than that; the rate found is shown with its interval.
    """
    if trial.saved is None or trial.saved < LEAST_SAVED:
        return "finds no sooner"
    added = rate(trial.alarms, trial.judged)
    if added.low is not None and added.low > most_alarms:
        return "adds too many alarms"  # which even a short history shows
    if added.value is None or trial.covered < LEAST_COVERED:
        return "history too short to judge"
    return "adds too many alarms" if added.value > most_alarms else None


def summary(tried: int, refusals: Iterable[Refusal]) -> str:
    """
    What became of everything that was tried.

    >>> summary(4, ["finds no sooner", "finds no sooner", "history too short to judge"])
    '4 checks were replayed: 2 find it no sooner, 1 has too short a history to judge'
    """
    found = list(refusals)
    counts = {why: found.count(why) for why in dict.fromkeys(found)}
    listed = ", ".join(f"{count} {IN_WORDS[why][count > 1]}" for why, count in counts.items())
    of_these = f": {listed}" if listed else ""
    return f"{tried} check{'s were' if tried != 1 else ' was'} replayed{of_these}"
