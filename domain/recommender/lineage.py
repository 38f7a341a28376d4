"""Which tables are made from which."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from domain.recommender.model import Model
from domain.recommender.table import Table

NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Lineage:
    """
    `made_from`: table → all tables that it is made from, however indirectly.

    `learned_from`: table → the training data of the models whose scores it comes from. It is kept separate,
    because what a model learns from was once shown by a model: followed further, everything would be made
    from itself.
    """

    made_from: Mapping[str, frozenset[str]] = field(default_factory=dict)
    learned_from: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def above(self, table: str) -> frozenset[str]:
        """Everything that `table` is declared to be made from."""
        return self.made_from.get(table, NOTHING)

    def taught(self, table: str) -> frozenset[str]:
        """The training data of the models whose scores `table` comes from."""
        return self.learned_from.get(table, NOTHING)


def lineage(tables: Mapping[str, Table], models: Iterable[Model] = ()) -> Lineage:
    """
    The lineage declared by the tables' `upstream` and the models' `learned_from`.

    >>> views = Table(name="views", path="v", upstream=("raw",))
    >>> sorted(lineage({"raw": Table(name="raw", path="r"), "views": views}).above("views"))
    ['raw']
    """
    made_from = {name: _above(tables, name) for name in tables}
    learned_from: dict[str, frozenset[str]] = {}
    for model in models:
        for name, above in made_from.items():
            if model.candidates in (name, *above):
                learned_from[name] = learned_from.get(name, NOTHING).union(model.learned_from)
    return Lineage(made_from, learned_from)


def _above(tables: Mapping[str, Table], name: str) -> frozenset[str]:
    found: set[str] = set()
    waiting = list(tables[name].upstream)
    while waiting:
        one = waiting.pop()
        if one not in found and one in tables:
            found.add(one)
            waiting += tables[one].upstream
    return frozenset(found)
