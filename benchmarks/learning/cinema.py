"""The cinema with weeks behind it, struck in copies that are watched by one declaration."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from benchmarks.cinema.theatre import DECLARED, Theatre, branch
from benchmarks.diagnosis.case import MINUTE
from benchmarks.diagnosis.cinema import HOURS, OPENED, RATE, CinemaWorld
from domain.recommender.recommender import Recommender
from workers.checks.plan import Plan, plans_of
from workers.declaration.declare import load

DAY = timedelta(days=1)
SECRET = "none"
FOLLOW_UPS = """
[follow_ups]
apply = "write"
replay_time = "{replay_time}"
"""


def declaration(replay_time: str) -> str:
    """The cinema's own declaration, which changes itself when a follow-up is accepted."""
    return DECLARED.read_text(encoding="utf-8") + FOLLOW_UPS.format(replay_time=replay_time)


def variables(folder: Path) -> dict[str, str]:
    """The values of the declaration's variables, for a cinema in this folder."""
    return {"CINEMA_FOLDER": str(folder), "CINEMA_WEBHOOK_SECRET": SECRET}


class Past:
    """A cinema without a fault: branched at `HOURS` of a day with `days` behind it, then lived on."""

    def __init__(self, folder: Path, days: float) -> None:
        self.folder = folder
        self._theatre = Theatre(folder / "past", OPENED, RATE)
        self.branches: dict[int, tuple[Path, datetime]] = {}
        for hour in HOURS:
            self._theatre.pass_hours(OPENED + days * DAY + timedelta(hours=hour))
            branched = branch(self._theatre.settings.folder, folder / f"at-{hour}")
            self.branches[hour] = branched, self._theatre.at

    def lives_on(self, days: float) -> tuple[Path, datetime]:
        """Let it live so many more days; returns where its tables are, and its time by then."""
        self._theatre.pass_hours(self._theatre.at + days * DAY)
        return self._theatre.settings.folder, self._theatre.at

    def close(self) -> None:
        """Stop writing."""
        self._theatre.close()


class Taught(CinemaWorld):
    """A copy of the cinema, watched by whatever `file` declares."""

    def __init__(self, branched: Path, folder: Path, at: datetime, file: Path) -> None:
        super().__init__(branched, folder, at)
        self._file, self._folder = file, folder

    @property
    def declared(self) -> Recommender:
        """The file's current declaration."""
        return load(self._file, variables(self._folder))


def twice_a_minute(recommender: Recommender) -> list[Plan]:
    """Each check as often as declared, at least half a minute apart; with a day's windows, five minutes."""
    return [replace(one, every=max(one.every, _seldom_enough(one.window))) for one in plans_of(recommender)]


def _seldom_enough(window: timedelta) -> timedelta:
    """The shortest fraction of a window from 30 s on, of a day from five minutes: they then adjoin."""
    return window / max(1, window // (5 * MINUTE if window >= DAY else MINUTE / 2))


def kinds_in_turn(names: list[str], draws: int) -> Iterator[tuple[str, int]]:
    """Every kind, `draws` times; all first draws come first."""
    for draw in range(draws):
        for name in names:
            yield name, draw
