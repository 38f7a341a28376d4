"""What a kind of tracker is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple, Protocol

from domain.answer import Advice
from domain.recommender.practice.tracker import Tracker as Declared

Environment = Mapping[str, str]
"""The variables that a declaration may name."""

State = Literal["open", "done", "dropped"]
"""Of a ticket; dropped is what was closed as not to be done, or is no longer there."""


class Draft(NamedTuple):
    """What a ticket says when it is opened: a title, and paragraphs that hold no markup of any tracker."""

    title: str
    paragraphs: tuple[str, ...]


class Opened(NamedTuple):
    """What the tracker calls a ticket (`REC-12`), and its address; empty where it has none."""

    ticket: str
    url: str = ""


class Tracker(Protocol):
    """
    Where tickets are. Asking twice with the same key does it once.

    Raises (all methods): TrackerError, in words without any secret.
    """

    def open(self, key: str, draft: Draft, since: datetime) -> Opened:
        """Open a ticket, or find the one that was opened under this key, at `since` or later."""
        ...

    def tell(self, ticket: str, key: str, text: str, *, closes: bool) -> None:
        """Add a comment, and close the ticket where it `closes`; nothing where the ticket is gone."""
        ...

    def state(self, ticket: str) -> State:
        """What became of it."""
        ...


@dataclass(frozen=True)
class Kind:
    """
    A kind of tracker, all that the rest needs to know of it; teams' own are registered by an entry point of
    the group `recsysops.trackers` that names such a value.

    Args:
        options: the typed keys under [trackers.NAME].
        open: a declared one to speak to. Raises ConfigurationError: what it needs is not there.
        examine: what the doctor says of a declared one; nothing where all is well. Changes nothing.
        needs, done, dropped: its row in the reference: its keys, and when a ticket counts as either.
    """

    name: str
    options: type[Declared]
    open: Callable[[Any, Environment], Tracker]
    examine: Callable[[Any, Environment], Iterator[Advice]]
    needs: str
    done: str
    dropped: str
