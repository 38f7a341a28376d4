"""
What stands in the log and no rule decided: for whoever watches over it. Nobody else reads such an event.

An event is looked at once by a process: it never changes, and the log only grows.
"""

from __future__ import annotations

from threading import Lock
from typing import NamedTuple

from sqlalchemy import Engine

from workers.store.log.events import number, rows_after
from workers.store.log.recorded import decided

ROWS_AT_ONCE = 1_000


class Undecided(NamedTuple):
    """An event without a seal of this installation, and where it stands."""

    position: int
    stream: str
    wire_name: str


class Lookout:
    """Looks at what came into the log since it looked last. For several threads."""

    def __init__(self, log: Engine) -> None:
        self._log = log
        self._reached = 0
        self._found: list[Undecided] = []
        self._alone = Lock()

    def look(self, most: int) -> tuple[Undecided, ...]:
        """All that was found so far, after up to `most` events more."""
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
            if not decided(row, row["unsealed"]):
                self._found.append(Undecided(row["position"], row["stream"], row["wire_name"]))
        if rows:
            self._reached = rows[-1]["position"]
        return len(rows) == ROWS_AT_ONCE
