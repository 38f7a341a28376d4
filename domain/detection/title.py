"""Words for a change, for somebody who was asleep a minute ago."""

from __future__ import annotations

from domain.values import Slice, name_slice

ALL_GONE = 0.995


def title_of(table: str, where: Slice, observed: float, expected: float, unit: str = "rows") -> str:
    """
    >>> title_of("impressions", (("country", "France"),), 29, 100)
    'impressions where country = France: 71 % fewer rows'
    """
    place = f"{table} where {name_slice(where)}" if where else table
    if expected <= 0:
        return f"{place}: {observed:,.0f} {unit} where there were none before"
    change = observed / expected - 1
    if change <= -ALL_GONE:
        return f"{place}: no {unit} at all"
    if change < 0:
        return f"{place}: {-change:.0%}".replace("%", " %") + f" fewer {unit}"
    if change >= 2:
        return f"{place}: {observed / expected:,.1f} times the usual {unit}"
    return f"{place}: {change:.0%}".replace("%", " %") + f" more {unit}"
