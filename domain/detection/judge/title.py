"""Words for a change, for somebody who was asleep a minute ago."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from domain.recommender.keys.duration import name_duration
from domain.values import Finding, Slice, name_slice

ALL_GONE = 0.995
MANY = 1_000.0  # from here on an amount is given without decimals
MULTIPLE_FROM = 1.0
"""Rows expected in a window above which a multiple is meaningful: below one row it is mostly chance."""
NAMED = 3  # things that a sentence names before it counts the rest
_ROWS = re.compile(r"\b(fewer|more|no|the|usual|[\d.,]*\d) rows\b")
"""Rows that are counted; a column may have this name as well."""


def title_of(table: str, where: Slice, observed: float, expected: float, unit: str = "rows") -> str:
    """
    >>> title_of("impressions", (("country", "France"),), 29, 100)
    'impressions where country = France: 71 % fewer rows'
    >>> title_of("ratings", (("country", "Jordan"),), 3, 0.0007)
    'ratings where country = Jordan: 3 rows where almost none were expected'
    """
    place = place_of(table, where)
    if expected <= 0:
        return f"{place}: {observed:,.0f} {unit} where there were none before"
    if expected < MULTIPLE_FROM <= observed:
        return f"{place}: {observed:,.0f} {unit} where almost none were expected"
    change = observed / expected - 1
    if change <= -ALL_GONE:
        return f"{place}: no {unit} at all"
    if change < 0:
        return f"{place}: {_off(-change)} fewer {unit}"
    if change >= 2:
        times = observed / expected
        return f"{place}: {times:,.{1 if times < 10 else 0}f} times the usual {unit}"
    return f"{place}: {_off(change)} more {unit}"


def _off(change: float) -> str:
    """A change in percent; below 10 % with one decimal, so that a small one does not read as none."""
    digits = 1 if change < 0.0995 and round(100 * change, 1) % 1 else 0
    return f"{100 * change:.{digits}f} %"


def ratio_title(
    table: str, where: Slice, observed: float, expected: float, metric: str, *, share: bool
) -> str:
    """
    >>> ratio_title("plays", (("country", "FI"),), 0.041, 0.012, "stalled per viewers", share=True)
    'plays where country = FI: stalled per viewers 4.1 %, usually 1.2 %'
    >>> ratio_title("plays", (), 3.27, 11.0, "mean minutes", share=False)
    'plays: mean minutes 3.27, usually 11'
    """
    spell = _share if share else amount_of
    return f"{place_of(table, where)}: {metric} {spell(observed)}, usually {spell(expected)}"


def ratio_within(title: str, table: str, where: Slice, start: datetime, window: timedelta) -> str:
    """
    The same title for a window of that length from `start`, on the reader's clock.

    >>> said = "plays: mean minutes 3.27, usually 11"
    >>> ratio_within(said, "plays", (), datetime(2026, 11, 3, 16), timedelta(hours=4))
    'plays: in 4h from 3 Nov 16:00, mean minutes 3.27, usually 11'
    """
    place = place_of(table, where)
    says = f"in {name_duration(window)} from {_moment(start, window)}"
    return f"{place}: {says}, {title.removeprefix(f'{place}: ')}"


def _share(part: float) -> str:
    """A share of all, with enough digits to distinguish it from none and from all."""
    rarer = min(part, 1 - part)
    digits = 0 if rarer >= 0.0995 or rarer <= 0 else 1 if rarer >= 0.00995 else 2
    return f"{100 * part:.{digits}f} %"


def amount_of(number: float) -> str:
    """
    >>> amount_of(3.2749), amount_of(5_513.2)
    ('3.27', '5,513')
    """
    return f"{number:,.3g}" if abs(number) < MANY else f"{number:,.0f}"


def title_since(
    table: str,
    where: Slice,
    observed: float,
    expected: float,
    onset: datetime,
    window: timedelta,
    unit: str = "rows",
) -> str:
    """
    The title of a change that has lasted since `onset`, on the reader's clock, in windows of this length.

    >>> title_since("plays", (), 52, 88, datetime(2026, 11, 3), timedelta(days=1))
    'plays: since 3 Nov, 41 % fewer rows: 52 where 88 were expected'
    """
    return _from(f"since {_moment(onset, window)}", table, where, observed, expected, unit)


def title_within(
    table: str,
    where: Slice,
    observed: float,
    expected: float,
    start: datetime,
    window: timedelta,
    unit: str = "rows",
) -> str:
    """
    The title of a change in a window of this length from `start`, on the reader's clock: its onset is not
    known.

    >>> title_within("plays", (), 52, 88, datetime(2026, 11, 3, 16), timedelta(hours=4))
    'plays: in 4h from 3 Nov 16:00, 41 % fewer rows: 52 where 88 were expected'
    """
    says = f"in {name_duration(window)} from {_moment(start, window)}"
    return _from(says, table, where, observed, expected, unit)


def _moment(at: datetime, window: timedelta) -> str:
    clock = "%b" if window >= timedelta(days=1) else "%b %H:%M %Z"
    return f"{at.day} {at:{clock}}".rstrip()


def _from(when: str, table: str, where: Slice, observed: float, expected: float, unit: str) -> str:
    place = place_of(table, where)
    change = title_of(table, where, observed, expected, unit).removeprefix(f"{place}: ")
    return f"{place}: {when}, {change}: {observed:,.0f} where {expected:,.0f} were expected"


def place_of(table: str, where: Slice) -> str:
    """
    >>> place_of("plays", (("device", "tv"),))
    'plays where device = tv'
    """
    return f"{table} where {name_slice(where)}" if where else table


def said_of(rows: str, finding: Finding) -> Finding:
    """
    The finding with its rows named as the team names them; its slice and the example stay as they are.

    >>> day = {"window_start": "2026-01-01T00:00Z", "window_end": "2026-01-02T00:00Z"}
    >>> common = {"check": "c", "table": "views", "p_value": 0.0, "severity": "SEV3", **day}
    >>> fewer = Finding(observed=29, expected=100, title="views: 71 % fewer rows", **common)
    >>> said_of("page views", fewer).title
    'views: 71 % fewer page views'
    >>> said_of("views", fewer.model_copy(update={"title": "views: rows missing in 3 % of the rows"})).title
    'views: rows missing in 3 % of the views'
    """
    place = place_of(finding.table, finding.slice)
    if not finding.title.startswith(place):
        return finding.model_copy(update={"rows_are": rows})
    says, example, row = finding.title.removeprefix(place).partition("; for instance ")
    title = place + _ROWS.sub(rf"\1 {rows}", says) + example + row
    return finding.model_copy(update={"rows_are": rows, "title": title})


def listed(names: list[str]) -> str:
    """
    >>> listed(["a", "b", "c", "d", "e"])
    'a, b, c and 2 more'
    """
    if len(names) <= NAMED:
        return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
    return f"{', '.join(names[:NAMED])} and {len(names) - NAMED} more"


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
