"""
Events in the log that no rule decided, for whoever watches over it. Nothing else reads such an event.

A process looks at each event only once, because events never change, and the log only grows.
"""

from __future__ import annotations

from threading import Lock
from typing import NamedTuple

from sqlalchemy import Engine

from workers.store.log.events import number, rows_after
from workers.store.log.recorded import decided

ROWS_AT_ONCE = 1_000


class Undecided(NamedTuple):
    """An event without a seal of this installation, and where it is."""

    position: int
    stream: str
    wire_name: str


class Lookout:
    """Looks at what entered the log since its last look. Usable from several threads."""

    def __init__(self, log: Engine) -> None:
        self._log = log
        self._reached = 0
        self._found: list[Undecided] = []
        self._alone = Lock()

    def look(self, most: int) -> tuple[Undecided, ...]:
        """Everything found so far, after checking up to `most` more events."""
        with self._alone:
            number(self._log)
            for _ in range(0, most, ROWS_AT_ONCE):
                if not self._some():
                    break
            return tuple(self._found)

    def _some(self) -> bool:
        with self._log.connect() as connection:
            rows = list(rows_after(connection, self._reached, ROWS_AT_ONCE))
        for row in rows:
            if not decided(row):
                self._found.append(Undecided(row["position"], row["stream"], row["wire_name"]))
        if rows:
            self._reached = rows[-1]["position"]
        return len(rows) == ROWS_AT_ONCE
