"""
Reads the members of a finding's table: what each had before and since the onset, and what is known of them.

    the finding's table, by member ─▶ inside or outside the slice ─▶ beside the table of [members]
    members who joined lately, and as long before ─▶ what they were shown and chose by the same age
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import reduce
from operator import and_
from typing import Any

import ibis
import pandas as pd

from domain.diagnosis.members.rows import (
    BEFORE,
    CHOSEN,
    COHORT,
    INSIDE,
    MEMBERS,
    NOW,
    POPULAR,
    ROWS_BEFORE,
    ROWS_NOW,
    SHOWN,
    Cohorts,
    MemberRows,
)
from domain.recommender.model import Members
from domain.values import Slice
from workers.respond.diagnose.reading import Reader
from workers.sources.aggregate.exposure import ITEM, REQUEST, chosen_beside, declared, joined
from workers.sources.engines.column_kinds import finite, holds, rows_in, separators
from workers.sources.engines.source import TIME, Source, open_source

LEAST_SPAN, MOST_SPAN = timedelta(minutes=30), timedelta(days=7)
MOST_MEMBERS = 200_000  # of a table that are counted
CONCERNED, OTHERS = 2_000, 4_000  # that are looked at
MOSTLY = 0.5  # share of a member's former rows in the slice, from which on she is concerned
DAY, WEEK = timedelta(days=1), timedelta(weeks=1)
FORMER = 8  # cohorts before today's
MOST_SHOWN = 0.1  # the fraction of items shown most to everybody: popular ones
NEW = 2_000  # members of a cohort that are looked at
MEMBER, JOINED = "__member", "__joined"


@dataclass(frozen=True)
class _Spans:
    """Before the onset [start, onset), and since it [onset, end)."""

    start: datetime
    onset: datetime
    end: datetime


def members_of(reader: Reader, since: datetime) -> MemberRows | None:
    """
    What is known about members; None if none are declared, the table names none, or the finding has no slice
    by the table's columns.

    Raises:
        SourceError: a column is missing.
    """
    declared_of, finding = reader.recommender.members, reader.finding
    table = reader.recommender.tables.get(finding.table)
    if declared_of is None or table is None or table.member is None or not finding.slice:
        return None
    if finding.subject is not None or finding.item is not None or reader.asked.divided:
        return None
    end = max(reader.end, since + timedelta(minutes=1))
    length = min(max(end - since, LEAST_SPAN), MOST_SPAN)
    spans = _Spans(since - length, since, min(end, since + MOST_SPAN))
    with open_source(reader.recommender, declared_of.table) as described:
        described.require(declared_of.key, *declared_of.features)
        of_members = tuple(pair for pair in finding.slice if pair[0] in described.columns)
        with open_source(reader.recommender, finding.table) as source:
            if not {name for name, _ in finding.slice} <= set(source.columns):
                return None  # a slice by a property of items
            counted = _counted(reader, source, spans, table.member)
        frame, own = _sampled(counted)
        frame = _described(described, declared_of, frame)
        new = reader.attempt(
            "New members", lambda: _cohorts(reader, declared_of, described, of_members, since)
        )
    names = declared_of.features
    return MemberRows(frame, names, spans.onset - spans.start, spans.end - spans.onset, own, new)


def _counted(reader: Reader, source: Source, spans: _Spans, member: str) -> pd.DataFrame:
    """Per member: what she had before and since, in all and in the slice, and from how many rows."""
    source.require(member)
    rows, apart = source.between(spans.start, spans.end), separators(source)
    measure = reader.asked.measure
    amount = ibis.literal(1.0) if measure is None else finite(rows[measure]).fill_null(0.0)
    inside = reduce(and_, (holds(rows[name], value, apart.get(name)) for name, value in reader.finding.slice))
    rows = rows.select(
        **{MEMBER: rows[member].cast("string")},
        __inside=inside.fill_null(False),
        __later=rows[TIME] >= ibis.literal(spans.onset),
        __amount=amount,
    ).filter(lambda one: one[MEMBER].notnull())
    asked: dict[str, Any] = {}
    for later in (False, True):
        then = rows["__later"] if later else ~rows["__later"]
        for name, which in (("all", then), ("in", then & rows["__inside"])):
            asked[f"{name}_{later:d}"] = ibis.ifelse(which, rows["__amount"], 0.0).sum()
            asked[f"{name}_rows_{later:d}"] = ibis.ifelse(which, 1, 0).sum()
    counted = rows.group_by(MEMBER).aggregate(**asked)
    return source.fetch(counted.order_by(MEMBER).limit(MOST_MEMBERS)).astype(dict.fromkeys(asked, "float64"))


def _sampled(counted: pd.DataFrame) -> tuple[pd.DataFrame, float]:
    """
    A sample of the members inside the slice and of those who never are, and the share of the slice's earlier
    rows that belongs to those inside.
    """
    known = counted[counted["all_rows_0"] > 0]
    inside = known["in_rows_0"] > MOSTLY * known["all_rows_0"]
    total = float(known["in_rows_0"].sum())
    own = float(known.loc[inside, "in_rows_0"].sum()) / total if total else 0.0
    outside = (known["in_rows_0"] == 0) & (known["in_rows_1"] == 0)
    parts = []
    for part, kind, most in ((known[inside], "in", CONCERNED), (known[outside], "all", OTHERS)):
        some = part.sample(min(most, len(part)), random_state=len(known))
        columns = {BEFORE: "0", NOW: "1", ROWS_BEFORE: "rows_0", ROWS_NOW: "rows_1"}
        taken = {name: some[f"{kind}_{which}"] for name, which in columns.items()}
        parts.append(pd.DataFrame({MEMBER: some[MEMBER], INSIDE: kind == "in", **taken}))
    return pd.concat(parts, ignore_index=True), own


def _described(source: Source, members: Members, frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with the declared features of its members, and without their names."""
    key = source.rows[members.key].cast("string")
    named = source.rows.filter(key.isin(frame[MEMBER].tolist()))
    wanted = {name: named[name] for name in members.features}
    known = source.fetch(named.select(**{MEMBER: named[members.key].cast("string")}, **wanted))
    return frame.merge(known.drop_duplicates(MEMBER), on=MEMBER, how="left").drop(columns=MEMBER)


def _cohorts(
    reader: Reader, members: Members, described: Source, of_members: Slice, since: datetime
) -> Cohorts | None:
    """Those who joined since the onset, at least in the last day, and in equally long spans before."""
    if members.joined is None or reader.recommender.exposure is None:
        return None
    shown = reader.recommender.tables[declared(reader.recommender).shown]
    if shown.member is None:
        return None
    described.require(members.joined)
    end, length = reader.end, min(max(reader.end - since, DAY), WEEK)
    step = DAY * -(-length // DAY)  # whole days, so that the hours match
    starts = {place: end - length - place * step for place in range(FORMER + 1)}
    known = _joined(described, members, of_members, (min(starts.values()), end))
    counts = []
    with open_source(reader.recommender, shown.name) as source:
        source.require(shown.member)
        for place, start in starts.items():
            span = start, start + length
            if place and span[1] > since:
                continue  # the fault is in it
            came = known[JOINED].between(span[0].timestamp(), span[1].timestamp(), inclusive="left")
            names = known.loc[came, MEMBER].sample(min(NEW, int(came.sum())), random_state=place).tolist()
            seen = _seen(reader, source, shown.member, names, span)
            counts.append({COHORT: place, MEMBERS: len(names), **seen})
    return Cohorts(starts[0].astimezone(UTC), length, pd.DataFrame(counts))


def _joined(source: Source, members: Members, where: Slice, span: tuple[datetime, datetime]) -> pd.DataFrame:
    """Members of the slice who joined in the span, and when, in seconds since 1970."""
    rows = rows_in(source, source.rows, where)
    joined_at = rows[str(members.joined)].cast("timestamp").epoch_seconds()
    found = rows.select(**{MEMBER: rows[members.key].cast("string"), JOINED: joined_at})
    low, high = (int(moment.timestamp()) for moment in span)
    found = found.filter(found[JOINED] >= low, found[JOINED] < high).order_by(MEMBER).limit(MOST_MEMBERS)
    return source.fetch(found).drop_duplicates(MEMBER)


def _seen(
    reader: Reader, source: Source, member: str, names: Sequence[str], span: tuple[datetime, datetime]
) -> dict[str, float]:
    """How much these members were shown and chose, and how much was popular; in the table's own slice."""
    request, item = declared(reader.recommender).request, str(source.table.item)
    own = tuple(pair for pair in reader.finding.slice if pair[0] in source.columns)
    every = source.between(*span)
    rows = rows_in(source, every, own)
    rows = rows.filter(rows[member].cast("string").isin(names))
    rows = rows.select(**{REQUEST: rows[request], ITEM: rows[item], TIME: rows[TIME]})
    found = joined(rows, chosen_beside(reader.recommender, source, *span))
    popular = _popular(every, item)
    found = found.left_join(popular, found[ITEM] == popular["__popular"])
    counted = {SHOWN: found.count(), CHOSEN: found["__chosen"].sum(), POPULAR: found["__popular"].count()}
    counts = source.fetch(found.aggregate(**counted)).fillna(0.0)
    return {name: float(counts[name].iloc[0]) for name in counted}


def _popular(rows: Any, item: str) -> Any:
    """The items that are shown most to everybody, in the column `__popular`: a tenth of them."""
    each = rows.group_by(__popular=rows[item]).aggregate(__n=rows.count())
    each = each.mutate(
        __rank=ibis.row_number().over(order_by=[ibis.desc("__n"), "__popular"]),
        __items=each["__n"].count().over(),
    )
    return each.filter(each["__rank"] < each["__items"] * MOST_SHOWN).select("__popular")
