"""Words for a change, for somebody who was asleep a minute ago."""

from __future__ import annotations

from domain.values import Slice, name_slice

ALL_GONE = 0.995


def title_of(table: str, where: Slice, observed: float, expected: float, unit: str = "rows") -> str:
    """
    >>> title_of("impressions", (("country", "France"),), 29, 100)
    'impressions where country = France: 71 % fewer rows'
    """
    place = place_of(table, where)
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


def place_of(table: str, where: Slice) -> str:
    """
    >>> place_of("plays", (("device", "tv"),))
    'plays where device = tv'
    """
    return f"{table} where {name_slice(where)}" if where else table


def percent(share: float) -> str:
    """
    >>> percent(0.123), percent(0.0123), percent(0.00001), percent(0.0)
    ('12 %', '1.2 %', 'next to none', 'none')
    """
    if share <= 0:
        return "none"
    if share < 0.0005:
        return "next to none"
    return f"{100 * share:.0f} %" if share >= 0.0995 else f"{100 * share:.1f} %"
