"""Which tables are made from which."""

from __future__ import annotations

from collections.abc import Mapping

from domain.recommender.table import Table

Lineage = Mapping[str, frozenset[str]]
"""Table → all tables that it is made from, however indirectly."""


def lineage(tables: Mapping[str, Table]) -> Lineage:
    """
    All that each table is made from, by what is declared as its `upstream`.

    >>> views = Table(name="views", path="v", upstream=("raw",))
    >>> sorted(lineage({"raw": Table(name="raw", path="r"), "views": views})["views"])
    ['raw']
    """
    above: dict[str, frozenset[str]] = {}
    for name in tables:
        found: set[str] = set()
        waiting = list(tables[name].upstream)
        while waiting:
            one = waiting.pop()
            if one not in found and one in tables:
                found.add(one)
                waiting += tables[one].upstream
        above[name] = frozenset(found)
    return above
