"""What members chose: among the candidates of logged requests, in a day, and by member."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from operator import and_
from typing import Any

import ibis
import pandas as pd

from domain.detection.needs import CountsOrRatio, RowCounts
from domain.errors import SourceError, Unmeasurable
from domain.recommender.check import Check
from domain.recommender.options import Divided
from domain.recommender.recommender import Recommender
from domain.resolution.held_out import ByMember
from domain.resolution.realised import Chosen
from domain.values import Finding
from workers.declaration.check_kinds import find
from workers.sources.aggregate.exposure import declared
from workers.sources.aggregate.sliced import with_dimensions
from workers.sources.engines.column_kinds import as_text, drawn, finite, holds
from workers.sources.engines.source import Source, open_beside, open_source

LATER = timedelta(hours=6)
"""How long after a request was logged a choice is waited for."""
DAY = timedelta(days=1)


@dataclass(frozen=True)
class DailyTotals:
    """Rewards in all, and requests per member, in one day. None if not known."""

    rewards: float | None
    visits: float | None


def rewards_of(
    recommender: Recommender, requests: Sequence[object], start: datetime, end: datetime
) -> pd.Series:
    """
    (request, item), both as text → what was chosen: 1, or the sum of the objective's measure.

    Args:
        start, end: when the requests were made.

    Raises:
        SourceError: no [exposure] is declared, or its table cannot be read as declared.
    """
    exposure = declared(recommender)
    with open_source(recommender, exposure.chosen) as source:
        item = str(source.table.item)
        source.require(exposure.request, item)
        rows = source.between(start, end + LATER)
        named = [str(request) for request in requests]
        rows = rows.filter(rows[exposure.request].cast("string").isin(named))
        keys = {"request": rows[exposure.request].cast("string"), "item": rows[item].cast("string")}
        found = source.fetch(rows.group_by(**keys).aggregate(reward=_amount(recommender, source, rows)))
    return found.set_index(["request", "item"])["reward"].astype("float64")


def chosen_of(recommender: Recommender, start: datetime, end: datetime) -> Chosen:
    """
    What was chosen in this span, and in how many requests.

    Raises:
        SourceError: as `rewards_of`.
    """
    exposure = declared(recommender)
    with open_source(recommender, exposure.chosen) as source:
        rewards = _total(recommender, source, source.between(start, end))
    with open_source(recommender, exposure.shown) as source:
        source.require(exposure.request)
        rows = source.between(start, end)
        counted = source.fetch(rows.aggregate(requests=rows[exposure.request].nunique()))
    return Chosen(rewards, float(counted["requests"].fillna(0)[0]))


def daily_totals(recommender: Recommender, at: datetime) -> DailyTotals:
    """
    The totals for the day up to `at`.

    Raises:
        SourceError: as `rewards_of`.
    """
    exposure = declared(recommender)
    with open_source(recommender, exposure.chosen) as source:
        rewards = _total(recommender, source, source.between(at - DAY, at))
    with open_source(recommender, exposure.shown) as source:
        member = source.table.member
        if member is None:
            return DailyTotals(rewards, None)
        source.require(exposure.request, member)
        rows = source.between(at - DAY, at)
        counts = {"requests": rows[exposure.request].nunique(), "members": rows[member].nunique()}
        counted = source.fetch(rows.aggregate(**counts)).astype(float).iloc[0]
    visits = counted["requests"] / counted["members"] if counted["members"] else None
    return DailyTotals(rewards, visits)


def unit_of(recommender: Recommender) -> str:
    """What the objective counts, in a word: as declared, else its measure, else the table of choices."""
    objective, exposure = recommender.objective, recommender.exposure
    return objective.unit or objective.measure or (exposure.chosen if exposure else "choices")


def _total(recommender: Recommender, source: Source, rows: Any) -> float:
    total = rows.count() if _measure(recommender) is None else _amount(recommender, source, rows)
    return float(source.fetch(rows.aggregate(total=total))["total"].fillna(0)[0])


def _measure(recommender: Recommender) -> str | None:
    return recommender.objective.measure


def _amount(recommender: Recommender, source: Source, rows: Any) -> Any:
    """For the rows of one choice, however often it was logged."""
    measure = _measure(recommender)
    if measure is None:
        return (rows.count() > 0).cast("int64")
    source.require(measure)
    return finite(rows[measure]).sum()


MOST_MEMBERS = 200_000
"""The most members whose sums come back; from more, a sample."""

MEMBER, AMOUNT, SIZE = "__member", "__amount", "__size"


def counted_by_member(recommender: Recommender, finding: Finding, start: datetime, end: datetime) -> ByMember:
    """
    What raised the finding, per member: rows of its slice among all rows (without a slice: all of them), or
    both sides of its ratio.

    Raises:
        Unmeasurable: what its check measures is not a sum over rows.
        SourceError: the table names no member, or cannot be read as declared.
    """
    check = recommender.checks.get(finding.check)
    if check is None or finding.kind == "predicted" or finding.subject is not None:
        raise Unmeasurable("what raised the alarm is nothing that each member has a part in")
    if not isinstance(find(check.kind).needs, CountsOrRatio | RowCounts):
        raise Unmeasurable(f"what {check.kind} measures is no sum over members")
    with open_source(recommender, finding.table) as source:
        member = _member_of(source)
        dimensions = tuple(name for name, _value in finding.slice)
        rows, apart = with_dimensions(recommender, source, source.between(start, end), dimensions)
        inside = [holds(rows[name], value, apart.get(name)).fill_null(False) for name, value in finding.slice]
        sums = _sums(source, check, rows, reduce(and_, inside) if inside else None)
        rows = rows.mutate(**{MEMBER: as_text(rows[member]), **sums})
        rows, of_all = _some(source, rows.filter(rows[MEMBER].notnull()))
        found = source.fetch(rows.group_by(MEMBER).aggregate(**{name: rows[name].sum() for name in sums}))
    return _by_member(found, of_all)


def _sums(source: Source, check: Check, rows: Any, inside: Any | None) -> dict[str, Any]:
    """
    What is summed for a row: the amount, and what it is part of; for a total the amount alone.

    Args:
        inside: whether a row lies in the slice; None if all do.
    """
    options = Divided.of(check)
    source.require(*(name for name in (check.measure, options.over) if name))
    amount = ibis.literal(1.0) if check.measure is None else finite(rows[check.measure])
    size = finite(rows[options.over]) if options.over else ibis.literal(1.0)
    if options.divided:
        amount, size = (ibis.ifelse(amount.notnull() & size.notnull(), one, 0.0) for one in (amount, size))
        sides = {AMOUNT: amount, SIZE: size}
        return (
            sides if inside is None else {name: ibis.ifelse(inside, one, 0.0) for name, one in sides.items()}
        )
    amount = amount.fill_null(0.0)
    return {AMOUNT: amount} if inside is None else {AMOUNT: ibis.ifelse(inside, amount, 0.0), SIZE: amount}


def rows_by_member(recommender: Recommender, table: str, start: datetime, end: datetime) -> ByMember:
    """
    How many rows of a table each member has.

    Raises:
        SourceError: the table names no member, or cannot be read as declared.
    """
    with open_source(recommender, table) as source:
        member = _member_of(source)
        rows = source.between(start, end)
        rows = rows.mutate(**{MEMBER: as_text(rows[member])})
        rows, of_all = _some(source, rows.filter(rows[MEMBER].notnull()))
        found = source.fetch(rows.group_by(MEMBER).aggregate(**{AMOUNT: rows.count()}))
    return _by_member(found, of_all)


def chosen_by_member(recommender: Recommender, start: datetime, end: datetime) -> ByMember:
    """
    What each member chose, in the objective's unit, and from how many requests.

    Raises:
        SourceError: no [exposure] is declared, what was shown names no member, what was chosen neither names
            one nor is in the same place as what was shown, or a table cannot be read as declared.
    """
    exposure = declared(recommender)
    with open_source(recommender, exposure.shown) as source:
        member = _member_of(source)
        source.require(exposure.request)
        rows = source.between(start, end)
        rows = rows.mutate(**{MEMBER: as_text(rows[member])})
        rows, of_all = _some(source, rows.filter(rows[MEMBER].notnull()))
        shown = source.fetch(rows.group_by(MEMBER).aggregate(**{SIZE: rows[exposure.request].nunique()}))
    with open_source(recommender, exposure.chosen) as source:
        rows = _named(recommender, source, source.between(start, end), start, end)
        rows = rows.filter(rows[MEMBER].notnull())
        if of_all is not None:
            rows = rows.filter(drawn(source, rows[MEMBER], MOST_MEMBERS / of_all))
        measure = recommender.objective.measure
        source.require(*((measure,) if measure else ()))
        amount = rows.count() if measure is None else finite(rows[measure]).sum()
        chosen = source.fetch(rows.group_by(MEMBER).aggregate(**{AMOUNT: amount}))
    return _by_member(shown.merge(chosen, on=MEMBER, how="outer"), of_all)


def _named(recommender: Recommender, source: Source, rows: Any, start: datetime, end: datetime) -> Any:
    """Rows of what was chosen with their member: their own, or the member whose request it was."""
    exposure = declared(recommender)
    if source.table.member is not None:
        source.require(source.table.member)
        return rows.mutate(**{MEMBER: as_text(rows[source.table.member])})
    beside = open_beside(recommender, exposure.shown, source)
    if not beside.borrowed:
        with beside:
            raise SourceError(f'table "{source.table.name}": does not say whose row it is; add member = "…"')
    source.require(exposure.request)
    shown = beside.between(start, end)
    whose = shown.group_by(__of=shown[exposure.request].cast("string")).aggregate(
        **{MEMBER: as_text(shown[_member_of(beside)]).max()}
    )
    return rows.inner_join(whose, rows[exposure.request].cast("string") == whose["__of"])


def _member_of(source: Source) -> str:
    """The member column. Raises SourceError: the table does not declare one."""
    member = source.table.member
    if member is None:
        raise SourceError(f'table "{source.table.name}": does not say whose row it is; add member = "…"')
    source.require(member)
    return member


def _some(source: Source, rows: Any) -> tuple[Any, int | None]:
    """Rows of as many members as may come back, and how many there are; None if that is all of them."""
    there = int(source.fetch(rows.aggregate(n=rows[MEMBER].nunique()))["n"].fillna(0)[0])
    if there <= MOST_MEMBERS:
        return rows, None
    return rows.filter(drawn(source, rows[MEMBER], MOST_MEMBERS / there)), there


def _by_member(found: pd.DataFrame, of_all: int | None) -> ByMember:
    numbers: Mapping[str, Any] = {
        name: found[name].fillna(0.0).to_numpy("float64") for name in (AMOUNT, SIZE) if name in found
    }
    members = tuple(found[MEMBER].astype(str))
    return ByMember(members, numbers[AMOUNT], numbers.get(SIZE), of_all)
