"""The data checks of a declaration held against the tables they look at, for `recsysops doctor`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from domain.answer import Advice
from domain.detection.checks import DATA, MODEL
from domain.recommender.check import Check
from domain.recommender.recommender import Recommender
from workers.examine_model import examine_model
from workers.examine_served import examine_served
from workers.plan import plan
from workers.sources.kinds import kind_of, types_now
from workers.sources.lines import nearest
from workers.sources.source import Source


def examine_checks(recommender: Recommender, opened: Mapping[str, Source]) -> Iterator[Advice]:
    """What checks of rows and of models ask of columns that are not there, or are of another kind."""
    for declared in recommender.checks.values():
        if declared.kind not in (*DATA, *MODEL, "metric"):
            continue
        table = plan(recommender, declared).table
        if table.name in opened:
            yield from _columns(declared, opened[table.name])
            yield from _asked(recommender, declared, opened)
            yield from examine_served(recommender, declared, opened[table.name], opened)
            yield from examine_model(recommender, declared, opened[table.name], opened)


def _columns(check: Check, source: Source) -> Iterator[Advice]:
    named = {
        "columns": check.columns,
        "ranges": tuple(check.ranges),
        "values": tuple(check.values),
        "key": check.key,
        "references": tuple(check.references),
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


def _asked(recommender: Recommender, check: Check, opened: Mapping[str, Source]) -> Iterator[Advice]:
    """What a kind needs that is declared nowhere."""
    where, source = f"checks.{check.name}", opened[plan(recommender, check).table.name]
    table = source.table
    if check.kind == "duplicates" and not (check.key or table.key):
        yield Advice(level="error", where=where, says="names no key", mend='add key = ["…"]')
    if check.kind == "references" and not (check.references or (recommender.items and table.item)):
        mend = 'add references = {member_id = "members.member_id"}'
        yield Advice(level="error", where=where, says="names nothing that refers to another table", mend=mend)
    for target in check.references.values():
        name, _dot, key = target.partition(".")
        if name not in recommender.tables:
            says = f'table "{name}" is not declared'
            yield Advice(level="error", where=where, says=says, mend=nearest(name, recommender.tables))
        elif name in opened and key not in opened[name].columns:
            says = f'table "{name}" has no column "{key}"'
            yield Advice(level="error", where=where, says=says, mend=nearest(key, opened[name].columns))
    if check.kind == "schema" and check.types:
        now = types_now(source)
        for column, held in check.types.items():
            if now.get(column) not in (held, "integer" if held == "number" else held):
                says = f"{column} should hold {held}; it holds {now.get(column, 'nothing: it is gone')}"
                yield Advice(level="warning", where=f"{where}.types", says=says, mend="correct types")
