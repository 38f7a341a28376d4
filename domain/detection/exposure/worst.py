"""The lowest-ranked choices, which are worth a person's look."""

from __future__ import annotations

from domain.answer import Miss


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
