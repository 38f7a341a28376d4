"""The items behind a finding: which hold more rows than before or fewer, and which one ended everywhere."""

from __future__ import annotations

from datetime import datetime, timedelta
from math import ceil
from typing import Any, NamedTuple

import ibis

from domain.detection.correlate.item_end import ItemEnd
from domain.recommender.recommender import Recommender
from domain.values import Finding
from workers.sources.aggregate.sliced import in_slice
from workers.sources.engines.source import TIME, Source, known_moment, open_source

BEFORE = 7  # windows of the same length that show what is usual for an item
MOST_ITEMS = 20


def items_of(recommender: Recommender, finding: Finding) -> dict[str, float]:
    """
    Item → its share of the surplus or shortfall of rows in the slice of `finding`, compared with the usual
    rows per window in the time before; the largest shares. Empty if the table has no items.

    Raises:
        SourceError: the table cannot be read as declared.
    """
    table = recommender.tables.get(finding.table)
    off = finding.observed - finding.expected
    if table is None or table.item is None or finding.unit != "rows" or off == 0:
        return {}
    width = finding.window_end - finding.window_start
    with open_source(recommender, finding.table) as source:
        source.require(table.item)
        rows = source.between(finding.window_start - BEFORE * width, finding.window_end)
        rows = in_slice(recommender, source, rows, finding.slice)
        now = rows[TIME] >= ibis.literal(finding.window_start)
        change = ibis.ifelse(now, 1.0, -1.0 / BEFORE).sum() / off
        by_item = rows.group_by(item=rows[table.item].cast("string")).aggregate(share=change)
        held = source.fetch(by_item.order_by(by_item["share"].desc()).limit(MOST_ITEMS))
    return {
        str(item): float(share) for item, share in zip(held["item"], held["share"], strict=True) if share > 0
    }


HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LOOKED_BACK = timedelta(days=7)
"""The time within which an item has to come and go; what was there for longer has become usual."""
ITEM = "__item"


class Span(NamedTuple):
    """The times after `start`, up to and including `end`."""

    start: datetime
    end: datetime

    def rows(self, rows: Any) -> Any:
        """A condition: which of `rows` lie in this time."""
        return (rows[TIME] > ibis.literal(self.start)) & (rows[TIME] <= ibis.literal(self.end))

    def earlier(self, by: timedelta) -> Span:
        """The same length of time, this much earlier."""
        return Span(self.start - by, self.end - by)


class Counts(NamedTuple):
    """Row counts before and since."""

    before: int
    since: int


def item_end(recommender: Recommender, finding: Finding) -> ItemEnd | None:
    """
    The end of the item that the slice of `finding` lacks most since then. `passing`: the item came within the
    days read, a day or more after the first row in them.

    What would have been expected is what there was in the hour before the item ended, scaled to the table's
    rows; for windows of an hour or more, in the same hours of the last day before the window that still had
    the item.

    Returns:
        None if the table names no items or the slice is of one; if the slice held none in these days; and if
        they do not reach back to such a day, as with windows of a week.

    Raises:
        SourceError: the table cannot be read as declared.
    """
    table, end = recommender.tables.get(finding.table), finding.window_end
    if table is None or table.item is None or table.item in dict(finding.slice):
        return None
    with open_source(recommender, finding.table) as source:
        source.require(table.item)
        every = source.between(end - LOOKED_BACK, end)
        here = in_slice(recommender, source, every, finding.slice)
        item = _most_missed(source, _named(here, table.item), finding)
        if item is None:
            return None
        of_item = _of(every, table.item, item)
        came, last = _first_and_last(source, of_item)
        last = _over(last, _first_and_last(source, _of(here, table.item, item))[1], end)
        since = Span(max(last, finding.window_start), end)
        before = _before(since, last, finding)
        if before.start < end - LOOKED_BACK:
            return None
        total, whole = _counts(source, every, before, since), _counts(source, here, before, since)
        mine = _counts(source, _of(here, table.item, item), before, since)
        anywhere = _counts(source, of_item, before, since)
        passing = came - _first_and_last(source, every)[0] >= DAY
    scale = total.since / max(total.before, 1)
    left = anywhere.since / max(anywhere.before * scale, 1.0)
    rest = (whole.before - mine.before) * scale
    return ItemEnd(item, passing, left, due=mine.before * scale, rest=rest, held=whole.since)


def _over(anywhere: datetime, here: datetime, end: datetime) -> datetime:
    """
    When an item was over, by its last row anywhere and in the slice: the latter if it goes on elsewhere, for
    those who search for it.
    """
    return anywhere if end - anywhere >= (end - here) / 2 else here


def _before(since: Span, last: datetime, finding: Finding) -> Span:
    """The earlier time that still had the item, for comparison."""
    if finding.window_end - finding.window_start < HOUR:
        return Span(last - HOUR, last)
    return since.earlier(ceil((since.end - min(last, finding.window_start)) / DAY) * DAY)


def _named(rows: Any, column: str) -> Any:
    """The rows that name an item, with its name as text."""
    return rows.filter(rows[column].notnull()).mutate(**{ITEM: rows[column].cast("string")})


def _of(rows: Any, column: str, item: str) -> Any:
    """The rows of one item."""
    return rows.filter(rows[column].cast("string") == ibis.literal(item))


def _most_missed(source: Source, rows: Any, finding: Finding) -> str | None:
    """The item with the largest product of its rows in the slice and its time without a row in the window."""
    by_item = rows.group_by(ITEM).aggregate(held=rows.count(), last=rows[TIME].max())
    held = source.fetch(by_item.order_by([ibis.desc("held"), ITEM]).limit(MOST_ITEMS))
    width = finding.window_end - finding.window_start
    missed = [
        (int(count) * min(finding.window_end - known_moment(last), width), str(item))
        for item, count, last in zip(held[ITEM], held["held"], held["last"], strict=True)
    ]
    return max(missed)[1] if missed else None


def _first_and_last(source: Source, rows: Any) -> tuple[datetime, datetime]:
    """When the first and the last of these rows were; there must be one."""
    ends = source.fetch(rows.aggregate(first=rows[TIME].min(), last=rows[TIME].max())).iloc[0]
    return known_moment(ends["first"]), known_moment(ends["last"])


def _counts(source: Source, rows: Any, before: Span, since: Span) -> Counts:
    sums = rows.aggregate(before=before.rows(rows).sum(), since=since.rows(rows).sum())
    counted = source.fetch(sums).iloc[0].fillna(0)
    return Counts(int(counted["before"]), int(counted["since"]))
