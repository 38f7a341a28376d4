"""Compares declared data checks with the tables they look at, for `recsysops doctor`."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from typing import Any

from domain.answer import Advice
from domain.detection.kind import Kind
from domain.detection.needs import MissingValues
from domain.errors import SourceError
from domain.recommender.check import Check
from domain.recommender.options import Domains, Keyed, OfColumns, Referring
from domain.recommender.recommender import Recommender
from workers.checks.plan import plan
from workers.declaration.check_kinds import asks, found
from workers.doctor.needs import EXAMINED, absent_columns
from workers.sources.engines.column_kinds import kind_of
from workers.sources.engines.source import Source, open_source
from workers.sources.flagged.flags import item_features


def examine_checks(recommender: Recommender, opened: Mapping[str, Source]) -> Iterator[Advice]:
    """Columns that checks of rows and models need and that are missing, or of another type."""
    for declared in recommender.checks.values():
        if (kind := found(declared.kind)) is None:
            continue  # reported for kinds that are not ours
        planned = plan(recommender, declared)
        if planned.table.name in opened:
            source = opened[planned.table.name]
            yield from _columns(recommender, declared, source)
            if examine := EXAMINED.get(type(kind.needs)):
                yield from examine(recommender, declared, source, opened)
            else:
                yield from _of_the_kind(kind, planned.check, source)


def unfit(recommender: Recommender, names: Collection[str]) -> frozenset[str]:
    """The checks that need something undeclared, or something that their tables lack."""
    opened: dict[str, Source] = {}
    for table in recommender.tables:
        with suppress(SourceError):  # a table that cannot be read now tells nothing about its columns
            opened[table] = open_source(recommender, table)
    return frozenset(name for name in names if not _fits(recommender, recommender.checks[name], opened))


def _fits(recommender: Recommender, check: Check, opened: Mapping[str, Source]) -> bool:
    alone = recommender.model_copy(update={"checks": {check.name: check}})
    try:
        return not any(advice.level == "error" for advice in examine_checks(alone, opened))
    except SourceError:
        return False


def _of_the_kind(kind: Kind[Any, Any], check: Check, source: Source) -> Iterator[Advice]:
    """The columns that the kind itself needs, by the key that names each."""
    options, where = kind.read(check.options), f"checks.{check.name}"
    try:
        asked = dict.fromkeys(kind.columns(options))
    except SourceError as error:  # it does not say which column it is
        yield Advice(level="error", where=where, says=str(error), fix="say it there")
        return
    for column in asked:
        key = next((f".{name}" for name, value in options if value == column), "")
        yield from absent_columns(where + key, (column,), source)


def _columns(recommender: Recommender, check: Check, source: Source) -> Iterator[Advice]:
    domains, columns = Domains.of(check), OfColumns.of(check).columns
    looked_up = item_features(recommender, source, columns) if asks(check, MissingValues) else ()
    named = {
        "columns": tuple(name for name in columns if name not in looked_up),
        "ranges": tuple(domains.ranges),
        "values": tuple(domains.values),
        "key": Keyed.of(check).key,
        "references": tuple(Referring.of(check).references),
    }
    for key, columns in named.items():
        for column in columns:
            where = f"checks.{check.name}.{key}"
            yield from absent_columns(where, (column,), source)
            held = kind_of(source.rows[column]) if column in source.columns else None
            if key == "ranges" and held not in ("number", "integer", None):
                says = f"{column} holds {held}, which has no range"
                yield Advice(level="error", where=where, says=says, fix="write values, or take it out")
