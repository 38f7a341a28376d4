"""
Choices of items that the model had ranked low: what members wanted and had to look for.

A choice that the model did not foresee is no error by itself; more of them than usual, in all or in a slice,
says that something the model is fed, or the model, is wrong there. The single worst are worth a person's
look.
"""

from __future__ import annotations

from domain.answer import Miss
from domain.detection.state import CheckState, Verdict
from domain.detection.tally import Tally
from domain.detection.wrong import Words, judge_rows
from domain.recommender.check import Check

WORDS = Words(
    says=lambda where, share: f"{share} of the choices {where}",
    unit=lambda _where: "low-ranked choices",
    least_share=0.05,
)


def judge_misses(
    check: Check, tally: Tally, state: CheckState, looks_per_week: float | None = None
) -> Verdict:
    """Whether more choices than usual were ranked low, in all or in a slice. See `wrong.judge_rows`."""
    return judge_rows(check, tally, state, looks_per_week, WORDS)


def keep_worst(kept: tuple[Miss, ...], found: tuple[Miss, ...], a_day: int, days: int) -> tuple[Miss, ...]:
    """
    The `a_day` lowest-ranked choices of each of the newest `days` days (UTC) that have any, newest first.

    >>> keep_worst((), (), 10, 14)
    ()
    """
    by_day: dict[str, dict[str, Miss]] = {}
    for one in (*kept, *found):
        by_day.setdefault(one.at.strftime("%Y-%m-%d"), {})[one.key] = one
    worst: list[Miss] = []
    for day in sorted(by_day, reverse=True)[:days]:
        ordered = sorted(by_day[day].values(), key=lambda one: (-one.surprise, one.key))
        worst += ordered[:a_day]
    return tuple(worst)
