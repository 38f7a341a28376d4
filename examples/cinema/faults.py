"""What can be made to go wrong, and whether it is going wrong now."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from .catalogue import Catalogue, microseconds

FAULTS = {
    "language": "a catalogue delivery unsets the language of all films of France",
    "upstream": "the feed of plays loses a good half of its rows from televisions in british_isles",
    "launch": "a film that launches in 10 to 14 days has lost its language",
    "missing_values": "a bug feeds NaN for genre_affinity on mobile",
    "training_segment": "the next training reads plays from mobile with the labels turned round",
    "production_bias": "production ranks documentaries lower than the model does",
}
COUNTRY = "France"
LOST_SLICE = {"device": "tv", "region": "british_isles"}
LOST_SHARE = 0.55
BLANK = ("genre_affinity", "mobile")
HELD_DOWN = ("Documentary", 1.5)
FLIPPED = ("device", "mobile")
LAUNCH_WINDOW_DAYS = (10, 14)


class UnknownFault(KeyError):
    """No fault of that name."""

    def __str__(self) -> str:
        return f"no fault {self.args[0]!r}; there are: {', '.join(FAULTS)}"


class Faults:
    """Which faults are on, since when, kept in a file so that a restart does not mend them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._since: dict[str, dict[str, Any]] = json.loads(path.read_text()) if path.exists() else {}

    def on(self, name: str) -> bool:
        """Whether the fault is on."""
        return name in self._since

    def detail(self, name: str) -> dict[str, Any]:
        """What was noted when it was switched on: `since`, and for `launch` the film."""
        return dict(self._since.get(name, {}))

    def switch(self, name: str, on: bool, at: datetime, **noted: str) -> bool:
        """Switch a fault; True when that changed anything. Raises UnknownFault."""
        if name not in FAULTS:
            raise UnknownFault(name)
        with self._lock:
            if on == (name in self._since):
                return False
            since = dict(self._since)
            if on:
                since[name] = {"since": at.isoformat(), **noted}
            else:
                del since[name]
            self.path.parent.mkdir(parents=True, exist_ok=True)
            fresh = self.path.with_suffix(".tmp")
            fresh.write_text(json.dumps(since, indent=1))
            fresh.replace(self.path)
            self._since = since
            return True

    def listed(self) -> list[dict[str, Any]]:
        """All faults with their state, for people."""
        return [
            {"name": name, "on": self.on(name), "what": what, **self.detail(name)}
            for name, what in FAULTS.items()
        ]


def deliver_with(catalogue: Catalogue, faults: Faults) -> Catalogue:
    """The catalogue as the next delivery brings it."""
    unset = np.zeros(len(catalogue.ids), dtype=bool)
    if faults.on("language"):
        unset |= catalogue.codes["country"] == catalogue.vocabulary["country"].index(COUNTRY)
    if faults.on("launch"):
        unset |= catalogue.ids == faults.detail("launch").get("item_id")
    return catalogue.without_language(unset) if unset.any() else catalogue


def film_to_lose(catalogue: Catalogue, at: datetime) -> str:
    """
    The film for the launch fault: the first that launches 10 to 14 days after `at`, else the next after 7
    days.

    Raises:
        ValueError: no launch is far enough ahead.
    """
    upcoming = catalogue.upcoming(at)
    start, end = (microseconds(at + timedelta(days=days)) for days in LAUNCH_WINDOW_DAYS)
    times = catalogue.launches[upcoming]
    fit = upcoming[(times >= start) & (times <= end)]
    later = upcoming[times >= microseconds(at + timedelta(days=7))]
    if not len(fit) and not len(later):
        raise ValueError("no film launches more than 7 days from now: start with an empty folder")
    return str(catalogue.ids[fit[0] if len(fit) else later[0]])


def lose(rng: np.random.Generator, plays: pa.Table) -> pa.Table:
    """The feed without the rows that the upstream fault loses."""
    hit = pc.fill_null(pc.equal(plays["device"].cast(pa.string()), LOST_SLICE["device"]), False)
    hit = pc.and_(hit, pc.equal(plays["region"].cast(pa.string()), LOST_SLICE["region"]))
    struck: npt.NDArray[np.bool_] = rng.random(plays.num_rows) < LOST_SHARE
    return plays.filter(pc.invert(pc.and_(hit, pa.array(struck))))


def now() -> datetime:
    """The present, aware."""
    return datetime.now(UTC)
