"""What a kind of tracker is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple, Protocol

from domain.answer import Advice
from domain.recommender.practice.tracker import Tracker as Declared
from domain.recommender.practice.tracker import UnreadTracker
from workers.environment.installed import Kinds

Environment = Mapping[str, str]
"""The variables that a declaration may use."""

State = Literal["open", "done", "dropped"]
"""A ticket's state; dropped means closed as not to be done, or no longer there."""


class Draft(NamedTuple):
    """What a ticket says when it is opened: a title, and paragraphs without any tracker's markup."""

    title: str
    paragraphs: tuple[str, ...]


class Opened(NamedTuple):
    """The tracker's name for a ticket (`REC-12`), and its address; empty if it has none."""

    ticket: str
    url: str = ""


class Tracker(Protocol):
    """
    A place for tickets. Asking twice with the same key does it once.

    Raises (all methods): TrackerError, with a message free of secrets.
    """

    def open(self, key: str, draft: Draft, since: datetime) -> Opened:
        """Open a ticket, or find the one that was opened under this key, at `since` or later."""
        ...

    def tell(self, ticket: str, key: str, text: str, *, closes: bool) -> None:
        """Add a comment, and close the ticket if it `closes`; does nothing if the ticket is gone."""
        ...

    def state(self, ticket: str) -> State:
        """The ticket's current state."""
        ...


@dataclass(frozen=True)
class Kind:
    """
    A kind of tracker: all that the rest of the program needs to know of it. Teams register their own by an
    entry point of the group `recsysops.trackers` that names such a value.

    Args:
        options: the typed keys under [trackers.NAME].
        open: a client for a declared tracker. Raises ConfigurationError: what it needs is missing.
        examine: what the doctor says about a declared one; nothing if all is well. Changes nothing.
        needs, done, dropped: its row in the reference: its keys, and when a ticket counts as either.
    """

    name: str
    options: type[Declared]
    open: Callable[[Any, Environment], Tracker]
    examine: Callable[[Any, Environment], Iterator[Advice]]
    needs: str
    done: str
    dropped: str


TRACKERS = Kinds("recsysops.trackers", Kind, UnreadTracker)


def open_tracker(declared: Declared, environment: Environment) -> Tracker:
    """
    A client for a declared tracker.

    Raises:
        ConfigurationError: what it needs is missing.
    """
    return TRACKERS.find(declared.kind).open(declared, environment)
