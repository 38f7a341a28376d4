"""Which faults are on, since when, and what was drawn for them; kept in a file across restarts."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from ..catalogue import Catalogue
from ..members import Audience
from ..ranking import Ranker
from .fault import Acts, Drawn, World
from .kinds import KINDS, SWITCHES


class UnknownFault(KeyError):
    """No fault of that name."""

    def __str__(self) -> str:
        return f"no fault {self.args[0]!r}; there are: {', '.join(KINDS)}"


class Faults:
    """
    Which faults are on, since when, kept in a file so that a restart does not clear them.

    `drawn` holds the draw of each; after a restart `redraw` repeats it from the seed in the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.drawn: dict[str, Drawn] = {}
        self._lock = threading.Lock()
        self._since: dict[str, dict[str, Any]] = json.loads(path.read_text()) if path.exists() else {}

    def on(self, name: str) -> bool:
        """Whether the fault is on."""
        return name in self._since

    def detail(self, name: str) -> dict[str, Any]:
        """What was noted when it was switched on: `since`, `seed`, and for `launch` the film."""
        return dict(self._since.get(name, {}))

    @property
    def acts(self) -> tuple[Acts, ...]:
        """What the active faults do, in the order in which they were switched on."""
        return tuple(self.drawn[name].acts for name in self._since if name in self.drawn)

    @property
    def state(self) -> tuple[tuple[str, str], ...]:
        """Name and time of each active fault: changes whenever what is in force changes."""
        return tuple((name, str(noted["since"])) for name, noted in self._since.items())

    def switch(self, name: str, on: bool, at: datetime, drawn: Drawn | None = None, **noted: Any) -> bool:
        """Switch a fault; True if that changed anything. Raises UnknownFault."""
        if name not in KINDS:
            raise UnknownFault(name)
        with self._lock:
            if on == (name in self._since):
                return False
            since = dict(self._since)
            if on:
                more = dict(drawn.noted) if drawn else {}
                since[name] = {"since": at.isoformat(), **noted, **more}
                if drawn is not None:
                    self.drawn[name] = drawn
            else:
                del since[name]
                self.drawn.pop(name, None)
            self.path.parent.mkdir(parents=True, exist_ok=True)
            fresh = self.path.with_suffix(".tmp")
            fresh.write_text(json.dumps(since, indent=1))
            fresh.replace(self.path)
            self._since = since
            return True

    def redraw(self, catalogue: Catalogue, audience: Audience, ranker: Ranker) -> None:
        """Repeat the draws of the faults that the file names."""
        for name, noted in self._since.items():
            if name in KINDS:
                at = datetime.fromisoformat(noted["since"])
                self.drawn[name] = draw(name, noted.get("seed"), catalogue, audience, at, ranker, noted)

    def listed(self) -> list[dict[str, Any]]:
        """The faults of the page and any others that are on, with their state, for people."""
        names = (*SWITCHES, *(name for name in self._since if name not in SWITCHES and name in KINDS))
        return [
            {"name": name, "on": self.on(name), "what": KINDS[name].what, **self.detail(name)}
            for name in names
        ]


def draw(
    name: str,
    seed: int | None,
    catalogue: Catalogue,
    audience: Audience,
    at: datetime,
    ranker: Ranker,
    noted: dict[str, Any] | None = None,
) -> Drawn:
    """
    One draw of a fault; without a seed the usual one.

    Raises:
        UnknownFault: no fault of that name.
        ValueError: there is nothing that it can strike now.
    """
    if name not in KINDS:
        raise UnknownFault(name)
    rng = None if seed is None else np.random.default_rng([seed, list(KINDS).index(name)])
    return KINDS[name].draw(World(rng, catalogue, audience, at, ranker, noted or {}))


def now() -> datetime:
    """The present, aware."""
    return datetime.now(UTC)
