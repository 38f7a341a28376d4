"""What could be watched in a declared recommender and is not: checks to add, as TOML."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from domain.answer import Advice
from domain.detection.kind import Kind
from domain.detection.suited import Suited, by_time
from domain.errors import SourceError
from domain.recommender.recommender import Recommender
from workers.checks.plan import plan
from workers.declaration.check_kinds import found, ours
from workers.declaration.current import recommender as declared_at
from workers.scaffold.write import check_text
from workers.sources.engines.source import Source, open_source

ABOUT = """\
# What nothing watches yet. Each check begins in shadow mode: it pages nobody, and its record says what it
# would have said (`recsysops check ledger`). Take what is of use, and put it beside the other checks.
"""


@dataclass(frozen=True)
class Unwatched:
    """A table that no check of this kind looks at, although one could."""

    kind: Kind[Any, Any]
    suited: Suited

    @property
    def text(self) -> str:
        """The check as TOML, in shadow mode."""
        name = f"{self.suited.table}_{self.kind.name}"
        declared = check_text(name, self.kind.name, self.suited.table, **self.suited.keys)
        return f"{declared}\nshadow = true"


def suggest(path: Path) -> str:
    """
    Checks that could be added to the declaration at `path`, as TOML; empty where nothing is left to add.

    Raises:
        ConfigurationError: the declaration is wrong.
    """
    by_kind = groupby(_there(declared_at(path)), lambda one: one.kind.purpose)
    texts = [f"# {purpose}\n" + "\n\n".join(one.text for one in every) for purpose, every in by_kind]
    return "\n\n".join([ABOUT.rstrip(), *texts]) + "\n" if texts else ""


def examine_unwatched(recommender: Recommender, opened: Mapping[str, Source]) -> Iterator[Advice]:
    """Tables that no check looks at, and the kinds of checks that could watch more than is watched now."""
    looked_at = {plan(recommender, check).table.name for check in recommender.checks.values()}
    alone = [one.name for one in by_time(recommender) if one.name not in looked_at]
    if looked_at and alone:
        says = f"none looks at {', '.join(alone)}"
        yield Advice(level="note", where="checks", says=says, fix="see `recsysops check suggest`")
    kinds = {one.kind.name for one in unwatched(recommender) if _has(one.suited, opened)}
    if kinds:
        says = f"could watch more than they do: {', '.join(sorted(kinds))}"
        yield Advice(level="note", where="checks", says=says, fix="see `recsysops check suggest`")


def unwatched(recommender: Recommender) -> Iterator[Unwatched]:
    """Every combination of kind and table that fits and that no check uses."""
    watched = {
        (check.kind, plan(recommender, check).table.name)
        for check in recommender.checks.values()
        if found(check.kind) is not None
    }
    for kind in ours().values():
        for one in kind.suits(recommender):
            if (kind.name, one.table) not in watched:
                yield Unwatched(kind, one)


def _there(recommender: Recommender) -> Iterator[Unwatched]:
    """Those whose columns exist in the tables; a table that cannot be read is reported by the doctor."""
    columns: dict[str, tuple[str, ...]] = {}
    for one in unwatched(recommender):
        for table, _column in one.suited.columns:
            if table not in columns:
                columns[table] = _columns(recommender, table)
        if all(column in columns[table] for table, column in one.suited.columns):
            yield one


def _columns(recommender: Recommender, table: str) -> tuple[str, ...]:
    try:
        with open_source(recommender, table) as source:
            return tuple(source.columns)
    except SourceError:
        return ()


def _has(suited: Suited, opened: Mapping[str, Source]) -> bool:
    return all(table in opened and column in opened[table].columns for table, column in suited.columns)
