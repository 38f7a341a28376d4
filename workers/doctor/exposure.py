"""Compares what is shown and chosen with its tables, for the doctor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from domain.answer import Advice
from domain.recommender.recommender import Recommender
from workers.doctor.tables import absent_columns
from workers.sources.engines.source import Source

WHERE = "exposure"


def examine_exposure(recommender: Recommender, opened: Mapping[str, Source]) -> Iterator[Advice]:
    """Missing columns, tables that do not name their item, and what a missing column costs."""
    exposure = recommender.exposure
    if exposure is None:
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
        yield from absent_columns(WHERE, columns, opened.get(table))
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
