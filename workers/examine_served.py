"""Checks of what is served, and of what others log of it, against their tables: for `recsysops doctor`."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from domain.answer import Advice
from domain.errors import SourceError
from domain.recommender.check import Check
from domain.recommender.recommender import Recommender
from workers.models.registry import released
from workers.sources.kinds import kind_of
from workers.sources.lines import nearest
from workers.sources.served import per_column, served_by, version_column
from workers.sources.source import Source

LOGICAL = ("boolean", "integer")


def examine_served(
    recommender: Recommender, check: Check, source: Source, opened: Mapping[str, Source]
) -> Iterator[Advice]:
    """What a check asks of its table, of those beside it and of a registry, that is not there."""
    own = (*check.on, *check.compare) if check.kind != "stages" else tuple(check.on)
    yield from _columns(f"checks.{check.name}", own, source)
    match check.kind:
        case "latency":
            yield from _latency(check, source)
        case "versions":
            yield from _versions(recommender, check, source)
        case "stages":
            yield from _stages(recommender, check, source, opened)
        case "joins" | "sampling" | "disagreements":
            yield from _beside(check, str(check.beside), check.compare.values(), source, opened)
    if check.kind in ("latency", "versions") and (per := per_column(recommender, check)):
        yield from _columns(f"checks.{check.name}.per", (per,), source)


def _columns(where: str, names: Collection[str], source: Source) -> Iterator[Advice]:
    for name in names:
        if name not in source.columns:
            says = f'table "{source.table.name}" has no column "{name}"'
            yield Advice(level="error", where=where, says=says, mend=nearest(name, source.columns))


def _latency(check: Check, source: Source) -> Iterator[Advice]:
    where, column = f"checks.{check.name}.measure", str(check.measure)
    yield from _columns(where, (column,), source)
    if column in source.columns and (held := kind_of(source.rows[column])) not in ("integer", "number"):
        says = f"{column} holds {held}, no time in numbers"
        yield Advice(
            level="error", where=where, says=says, mend="name the column with the time that was taken"
        )


def _versions(recommender: Recommender, check: Check, source: Source) -> Iterator[Advice]:
    where = f"checks.{check.name}"
    try:
        yield from _columns(where, (version_column(recommender, check),), source)
        model = served_by(recommender, check)
        if model is not None and model.registry is not None:
            released(model.name, model.registry)
        elif not check.versions:
            says = "nothing says which version should serve"
            mend = "add versions = {v7 = 1.0}, or a registry to the model"
            yield Advice(level="error", where=where, says=says, mend=mend)
    except SourceError as error:
        yield Advice(level="error", where=where, says=str(error), mend="correct the model or the check")


def _stages(
    recommender: Recommender, check: Check, source: Source, opened: Mapping[str, Source]
) -> Iterator[Advice]:
    where = f"checks.{check.name}.stages"
    for stage in check.stages:
        if stage in source.columns:
            if (held := kind_of(source.rows[stage])) not in LOGICAL:
                says = f"{stage} holds {held}, not whether a row got through"
                yield Advice(level="error", where=where, says=says, mend="name a column of true and false")
        elif stage in recommender.tables:
            yield from _beside(check, stage, (), source, opened)
        else:
            right = (*source.columns, *recommender.tables)
            says = f'"{stage}" is no column of "{source.table.name}" and no declared table'
            yield Advice(level="error", where=where, says=says, mend=nearest(stage, right))


def _beside(
    check: Check, name: str, values: Collection[str], source: Source, opened: Mapping[str, Source]
) -> Iterator[Advice]:
    """What is asked of a table in which rows are looked for."""
    where = f"checks.{check.name}"
    if not check.on:
        says = f'says not how a row is found in "{name}"'
        yield Advice(level="error", where=where, says=says, mend='add on = {request_id = "request_id"}')
    if name not in opened:
        return  # why it cannot be opened is said of the table
    other = opened[name]
    yield from _columns(where, (*check.on.values(), *values), other)
    if other.table.time is None:
        says = f'table "{name}" declares no time, so that there is no saying which of its rows to look in'
        yield Advice(level="error", where=where, says=says, mend='add time = "…" to it')
    if other.table.url != source.table.url and source.connection.name != "duckdb":
        says = f'tables "{source.table.name}" and "{name}" are in two places'
        yield Advice(level="error", where=where, says=says, mend="declare them where one question sees both")
