"""What a diagnosis says is wrong, and which checks look for that itself rather than its consequences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from domain.detection.kind import Kind
from domain.detection.suited import Suited
from domain.improvement.candidates.candidate import Candidate, Kinds, needs_no_more, spelled
from domain.improvement.candidates.varied import looks_in
from domain.recommender.keys.duration import name_duration
from domain.recommender.options import OfColumns
from domain.recommender.recommender import Recommender
from domain.recommender.shared_keys import shared_keys
from domain.recommender.table import Table
from domain.resolution.replays.registry import standby_of
from domain.values import CauseKind, Diagnosis, Slice

WINDOWS = (timedelta(minutes=1), timedelta(minutes=5))
"""Windows in which rows of a standby are looked up in its feed."""


@dataclass(frozen=True)
class Named:
    """
    A kind of fault, the column it is in, and a table that lacks rows; each None where not named. `place`
    holds the dimensions of the slice where the fault lies; empty where it is everywhere. `learned` are the
    tables that a model learned it from; any check of those may see it.
    """

    fault: CauseKind | None = None
    column: str | None = None
    feed: str | None = None
    place: tuple[str, ...] = ()
    learned: tuple[str, ...] = ()

    def column_for(self, kind: Kind[Any, Any]) -> str | None:
        """The column that a check of this kind should look at."""
        return self.column if issubclass(kind.options, OfColumns) else None

    def dimensions_of(self, table: Table) -> list[str] | None:
        """The dimensions to slice the column by; None where the table cannot be sliced by them."""
        here = [name for name in self.place if name in table.dimensions]
        return here if here or not self.place else None

    def is_looked_for_by(self, kind: Kind[Any, Any]) -> bool:
        """Whether the kind looks at columns and one is named, or looks for faults of this kind."""
        return self.column_for(kind) is not None or (self.fault is not None and kind.fault == self.fault)


def named_by(diagnosis: Diagnosis | None) -> Named:
    """What the diagnosis names, as far as it names anything."""
    if diagnosis is None:
        return Named()
    if diagnosis.cause is None:
        return Named(column=diagnosis.feature, place=_dimensions(diagnosis.slices[:1]))
    renamed = diagnosis.object if diagnosis.cause_kind == "renaming" else None
    feed = diagnosis.object if diagnosis.cause_kind == "feed" else None
    return Named(diagnosis.cause_kind, diagnosis.feature or renamed, feed, _dimensions([diagnosis.place]))


def _dimensions(places: Iterable[Slice]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for place in places for name, _value in place))


def of_standby(recommender: Recommender, kinds: Kinds, feed: str | None) -> Iterator[Candidate]:
    """
    Checks for rows of a feed's standby that have no match in the feed: missing rows are then seen as they
    arrive, without comparing with the usual number.
    """
    spare = standby_of(recommender, feed) if feed in recommender.tables else None
    if feed is None or spare is None:
        return
    on = {theirs: ours for ours, theirs in shared_keys(recommender, feed, spare, same_rows=True).items()}
    keys = {"table": spare, **Suited.joined(spare, feed, on).keys, "shadow": True}
    looking = [name for name, kind in kinds.items() if on and kind.lacking and needs_no_more(kind, keys)]
    for window in WINDOWS:
        length, looks = name_duration(window), name_duration(looks_in(window))
        for name in looking:
            yield Candidate(
                name=spelled(f"{spare}_{name}_{length}"),
                keys={"kind": name, **keys, "window": length, "every": looks},
                says=f"{name} of {spare} with {feed} in windows of {length} looking every {looks}",
            )
