"""What a fault is: where it strikes, how its place and size are drawn, what it does, and its ground truth."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..acts import Acts, Bools, Floats, Scene, Strike
from ..catalogue import Catalogue
from ..demand import Crowd
from ..members import Audience
from ..ranking import Ranker

__all__ = ["Acts", "Bools", "Crowd", "Drawn", "Fault", "Floats", "Scene", "Strike", "World", "slice_of"]

T = TypeVar("T")
Where = Literal["catalogue", "features", "training", "model", "serving", "logging", "feed", "innocent"]
CauseKind = Literal[
    "feature",
    "feed",
    "duplicate",
    "time_shift",
    "renaming",
    "logging",
    "filter",
    "model",
    "training_data",
    "serving",
    "launch",
    "world",
]
Slice = tuple[tuple[str, str], ...]
"""Pairs (dimension, value), sorted by dimension; empty means everywhere."""


@dataclass(frozen=True)
class Drawn:
    """
    One draw of a fault: what it does, how big it is in words, and what it is about.

    Attributes:
        objects: names of what is wrong (column, table, version, item), the most telling first; any of them
            is right. Empty if only the place can be named.
        places:  slices that say where; any of them is right. `((),)` means everywhere.
        noted:   what has to be known again after a restart.
    """

    acts: Acts
    size: str
    objects: tuple[str, ...] = ()
    places: tuple[Slice, ...] = ((),)
    noted: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class World:
    """What a draw may look at. Without a seed (`rng` None) every choice is the usual one."""

    rng: np.random.Generator | None
    catalogue: Catalogue
    audience: Audience
    at: datetime
    ranker: Ranker
    noted: Mapping[str, str] = field(default_factory=dict)

    def one_of(self, values: Sequence[T], usual: T | None = None) -> T:
        """One of the values; without a seed `usual` if given, otherwise the first."""
        if self.rng is None:
            return values[0] if usual is None else usual
        return values[int(self.rng.integers(len(values)))]

    def between(self, low: float, high: float, usual: float) -> float:
        """A size, drawn uniformly between the two."""
        return usual if self.rng is None else float(self.rng.uniform(low, high))


@dataclass(frozen=True)
class Fault:
    """
    One kind of fault, or an innocent event (`cause_kind` world).

    `draw` decides its place, size and acts; the time at which it strikes is up to whoever switches it on.
    `delivers` and `trains` say that it takes effect with a catalogue delivery or a training, which comes at
    once. `also` lists kinds of cause that are equally true of it.
    """

    name: str
    what: str
    strikes: Where
    cause_kind: CauseKind
    draw: Callable[[World], Drawn]
    delivers: bool = False
    trains: bool = False
    also: tuple[CauseKind, ...] = ()

    @property
    def innocent(self) -> bool:
        """Whether nothing is wrong and only the world has changed."""
        return self.cause_kind == "world"


def slice_of(**values: str) -> Slice:
    """
    >>> slice_of(region="asia_pacific", device="tv")
    (('device', 'tv'), ('region', 'asia_pacific'))
    """
    return tuple(sorted(values.items()))


def inside(rows: pa.Table, where: Mapping[str, str]) -> Bools:
    """(rows,) which of them belong to a slice."""
    hit = np.ones(rows.num_rows, dtype=bool)
    for name, value in where.items():
        equal = pc.fill_null(pc.equal(rows[name].cast(pa.string()), value), False)
        hit &= equal.to_numpy(zero_copy_only=False)
    return hit


def renamed(rows: pa.Table, column: str, old: str, new: str) -> pa.Table:
    """Rows with one value of a text column replaced by another."""
    texts = rows[column].cast(pa.string())
    fresh = pc.if_else(pc.fill_null(pc.equal(texts, old), False), new, texts)
    return rows.set_column(rows.schema.get_field_index(column), column, fresh)


def moved(rows: pa.Table, column: str, hit: Bools, by: timedelta) -> pa.Table:
    """Rows with the time of some of them moved."""
    at = rows[column].cast(pa.int64()).to_numpy() + np.where(hit, round(by.total_seconds() * 1e6), 0)
    return rows.set_column(rows.schema.get_field_index(column), column, pa.array(at).cast(rows[column].type))


def taken(rows: pa.Table, kept: Bools) -> pa.Table:
    """The rows that are kept."""
    return rows.filter(pa.array(kept))
