"""
Which tables of a declared recommender a kind of check could watch, and the keys that it would take there.

A kind declares this itself (`Kind.suits`); `recsysops check suggest` prints what nothing watches yet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from domain.recommender.model import Model
from domain.recommender.recommender import Recommender
from domain.recommender.table import Table

AT_ONCE = "0s"
"""Rows of one request are written together, give or take the time the tables take to settle."""


@dataclass(frozen=True)
class Suited:
    """A table, and the keys besides `kind` and `table`; all columns that they name have to be there."""

    table: str
    keys: Mapping[str, Any] = field(default_factory=dict)
    columns: tuple[tuple[str, str], ...] = ()

    @classmethod
    def joined(cls, table: str, beside: str, on: Mapping[str, str]) -> Suited:
        """A check whose rows are looked up in the table `beside`, by columns of both."""
        columns = [pair for own, theirs in on.items() for pair in ((table, own), (beside, theirs))]
        return cls(table, {"beside": beside, "on": dict(on), "within": AT_ONCE}, tuple(columns))


Suits = Callable[[Recommender], Iterable[Suited]]


def nowhere(_recommender: Recommender) -> Iterable[Suited]:
    """For a kind whose keys are not in the declaration: a person has to name them."""
    return ()


def by_time(recommender: Recommender) -> Iterator[Table]:
    """Tables whose rows have a time."""
    return (table for table in recommender.tables.values() if table.time is not None)


def logged(recommender: Recommender) -> Iterator[tuple[Model, str]]:
    """Models, each with the table that holds its candidates."""
    for model in recommender.models.values():
        if model.candidates is not None:
            yield model, model.candidates


def shown(recommender: Recommender) -> Iterator[Table]:
    """
    Tables of what was shown: as `[exposure]` says; else those of items by slice that are made from
    candidates.
    """
    if recommender.exposure is not None:
        yield recommender.tables[recommender.exposure.shown]
        return
    candidates = {name for _model, name in logged(recommender)}
    for table in by_time(recommender):
        if table.item is not None and table.name not in candidates and candidates & set(table.upstream):
            yield table
