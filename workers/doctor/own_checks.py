"""Compares teams' own checks with what is installed and with their tables, for `recsysops doctor`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from domain.answer import Advice
from domain.errors import sanitized
from domain.prediction.kind import LAUNCH_FORECAST
from domain.recommender.check import Check
from domain.recommender.keys.nearest import nearest
from domain.recommender.recommender import Recommender
from workers.checks.plan import plan
from workers.declaration.check_kinds import find, read_options
from workers.declaration.own_options import of_this_house
from workers.sources.engines.source import Source


def examine_own(recommender: Recommender, opened: Mapping[str, Source]) -> Iterator[Advice]:
    """Checks that cannot be imported, are not checks, or need columns that are missing."""
    house = (*of_this_house(), LAUNCH_FORECAST.name)
    for check in recommender.checks.values():
        if check.kind not in house:
            yield from _examined(check, opened.get(plan(recommender, check).table.name))


def _examined(check: Check, source: Source | None) -> Iterator[Advice]:
    where = f"checks.{check.name}"
    try:
        own = find(check.kind)
        columns = tuple(own.columns(read_options(own, check)))
    except Exception as error:  # noqa: BLE001 - whatever a team's check does, the doctor reports it
        says = sanitized(error)
        yield Advice(level="error", where=where, says=says, fix=f"fix or install the kind {check.kind}")
        return
    lacks = [name for name in columns if source is not None and name not in source.columns]
    for name in lacks:
        right = nearest(name, source.columns if source is not None else ())
        says = f'table "{check.table}" has no column "{name}"'
        yield Advice(level="error", where=where, says=says, fix=right)
    if not lacks:
        again = "measured again after a fix" if own.measurable else "its fixes are judged by people"
        yield Advice(level="ok", where=where, says=f"kind {check.kind} of your own; {again}")
