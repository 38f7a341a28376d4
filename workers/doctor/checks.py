"""The data checks of a declaration held against the tables they look at, for `recsysops doctor`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from domain.answer import Advice
from domain.detection.kind import Kind
from domain.detection.needs import MissingValues
from domain.recommender.check import Check
from domain.recommender.keys.nearest import nearest
from domain.recommender.options import Domains, Keyed, OfColumns, Referring
from domain.recommender.recommender import Recommender
from workers.checks.plan import plan
from workers.declaration.check_kinds import asks, found
from workers.doctor.needs import EXAMINED
from workers.sources.engines.column_kinds import kind_of
from workers.sources.engines.source import Source
from workers.sources.flagged.flags import item_features


def examine_checks(recommender: Recommender, opened: Mapping[str, Source]) -> Iterator[Advice]:
    """What checks of rows and of models ask of columns that are not there, or are of another kind."""
    for declared in recommender.checks.values():
        if (kind := found(declared.kind)) is None:
            continue  # that is said of a kind that is not ours
        planned = plan(recommender, declared)
        if planned.table.name in opened:
            source = opened[planned.table.name]
            yield from _columns(recommender, declared, source)
            if examine := EXAMINED.get(type(kind.needs)):
                yield from examine(recommender, declared, source, opened)
            else:
                yield from _of_the_kind(kind, planned.check, source)


def _of_the_kind(kind: Kind[Any, Any], check: Check, source: Source) -> Iterator[Advice]:
    """The columns that the kind itself asks for, by the key that names each."""
    options = kind.read(check.options)
    for column in dict.fromkeys(kind.columns(options)):
        if column not in source.columns:
            key = next((name for name, value in options if value == column), None)
            where = f"checks.{check.name}" + (f".{key}" if key else "")
            says = f'table "{source.table.name}" has no column "{column}"'
            yield Advice(level="error", where=where, says=says, mend=nearest(column, source.columns))


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
            if column not in source.columns:
                says = f'table "{source.table.name}" has no column "{column}"'
                yield Advice(level="error", where=where, says=says, mend=nearest(column, source.columns))
            elif key == "ranges" and kind_of(source.rows[column]) not in ("number", "integer"):
                says = f"{column} holds {kind_of(source.rows[column])}, which has no range"
                yield Advice(level="error", where=where, says=says, mend="write values, or take it out")
