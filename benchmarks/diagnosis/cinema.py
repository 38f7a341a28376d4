"""The cinema as a world to strike: a past built once, and copies of it at several hours of a day."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.cinema.theatre import Theatre, branch
from benchmarks.diagnosis.case import MINUTE, Strike
from benchmarks.diagnosis.judge import Truth
from domain.recommender.recommender import Recommender
from examples.cinema.faults import KINDS

OPENED = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
RATE = 12.0  # requests a second, as the cinema's own default
LIVED_DAYS = 4.0
"""Before the strikes, besides the cinema's first three: some usual trainings are known by then."""

HOURS = (1, 4, 7, 10, 13, 16, 20)
"""Hours after that, at which the past is branched: times of a day, before and after the nightly training."""

SELDOM_SECONDS = 600.0


def build_past(folder: Path) -> dict[int, datetime]:
    """Builds a week of history and most of a day more, kept at each of `HOURS`: the hour, and its time."""
    theatre = Theatre(folder / "past", OPENED, RATE)
    moments: dict[int, datetime] = {}
    for hour in HOURS:
        theatre.pass_hours(OPENED + timedelta(days=LIVED_DAYS, hours=hour))
        moments[hour] = theatre.at
        branch(theatre.settings.folder, folder / f"at-{hour}")
    theatre.close()
    return moments


class CinemaWorld:
    """The cinema from one of its branches on, in a folder of its own."""

    def __init__(self, branched: Path, folder: Path, at: datetime) -> None:
        branch(branched, folder)
        written = {"flush_seconds": SELDOM_SECONDS, "prelaunch_seconds": SELDOM_SECONDS / 2}
        self._theatre = Theatre(folder, at, RATE, **written)

    @property
    def at(self) -> datetime:
        """Its current time."""
        return self._theatre.at

    @property
    def declared(self) -> Recommender:
        """The cinema's own declaration."""
        return self._theatre.declared

    def live(self, span: timedelta) -> None:
        """Let time pass a minute at a time, by the code that serves the present."""
        end = self.at + span
        while self._theatre.at < end:
            self._theatre.at = min(end, self._theatre.at + MINUTE)
            self._theatre.live.step(self._theatre.at)
        self._theatre.live.flush()

    def strike(self, name: str, seed: int) -> Strike:
        """Switch a fault on; of one in training, the model that learned from it is an object, too."""
        live, kind = self._theatre.live, KINDS[name]
        live.switch_fault(name, True, self.at, seed=seed)
        drawn = live.serving.faults.drawn[name]
        objects = drawn.objects
        if kind.trains:
            objects = (*objects, live.serving.ranker.version)
        truth = Truth(kind.cause_kind, objects, drawn.places, kind.also)
        strike = Strike(truth, drawn.size, self.at, planned=drawn.acts.planned)
        # Rows written under an earlier time fill windows that have been looked at by then.
        return replace(strike, arrives=bool(drawn.acts.late) or kind.cause_kind == "time_shift")

    def close(self) -> None:
        """Stop writing."""
        self._theatre.close()
