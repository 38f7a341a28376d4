"""Compares exposure and checks of low-ranked choices with their tables, for the doctor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from domain.answer import Advice
from domain.detection.needs import LowRankedChoices
from domain.recommender.keys.nearest import nearest
from domain.recommender.recommender import Recommender
from workers.declaration.check_kinds import asks
from workers.sources.engines.source import Source

WHERE = "exposure"


def examine_exposure(recommender: Recommender, opened: Mapping[str, Source]) -> Iterator[Advice]:
    """Missing columns, tables that do not name their item, and what a missing column costs."""
    exposure = recommender.exposure
    if exposure is None:
        for check in recommender.checks.values():
            if not asks(check, LowRankedChoices):
                continue
            says = "nothing says what members chose"
            fix = "declare [exposure]: shown, chosen, request"
            yield Advice(level="error", where=f"checks.{check.name}", says=says, fix=fix)
        if recommender.objective.measure is not None:
            says = f'nothing says in which table "{recommender.objective.measure}" is'
            fix = "declare [exposure]: shown, chosen, request"
            yield Advice(level="error", where="objective.measure", says=says, fix=fix)
        return
    asked = {
        exposure.shown: (exposure.request, exposure.position, exposure.explored),
        exposure.chosen: (exposure.request, recommender.objective.measure),
    }
    for table, columns in asked.items():
        if recommender.tables[table].item is None:
            says = f'table "{table}" does not say which column is the item'
            yield Advice(level="error", where=WHERE, says=says, fix=f'add item = "…" to tables.{table}')
        yield from _columns(table, columns, opened)
    if recommender.tables[exposure.shown].url != recommender.tables[exposure.chosen].url:
        says = f'tables "{exposure.shown}" and "{exposure.chosen}" are in two places'
        yield Advice(level="error", where=WHERE, says=says, fix="put them where one question sees both")
    if exposure.explored is None:
        says = (
            "no column says what was shown at random: expected exposure is estimated from an item's own "
            "engagement, which is biased"
        )
        fix = "fill one request in a hundred by chance, flag it, and name the column: explored"
        yield Advice(level="note", where=WHERE, says=says, fix=fix)


def _columns(table: str, columns: tuple[str | None, ...], opened: Mapping[str, Source]) -> Iterator[Advice]:
    for name in columns:
        if name is not None and table in opened and name not in opened[table].columns:
            says = f'table "{table}" has no column "{name}"'
            yield Advice(level="error", where=WHERE, says=says, fix=nearest(name, opened[table].columns))
