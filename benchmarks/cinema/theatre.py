"""A cinema in a folder of its own whose clock is ours: its own traffic, deliveries, trainings, dry runs."""

from __future__ import annotations

import os
import shutil
from datetime import datetime, timedelta
from pathlib import Path

from domain.recommender.recommender import Recommender
from examples.cinema.live import Live
from examples.cinema.settings import Settings
from workers.declaration.declare import load

DECLARED = Path(__file__).parents[2] / "examples/cinema/recsysops.toml"
HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)
HISTORY_DAYS = 3.0
KEPT_DAYS = 5
"""Of traffic; no check of the cinema looks further back into it."""

TRAFFIC = ("impressions", "plays", "plays_standby", "candidates")


class Theatre:
    """
    The cinema at `at`, as its declaration is read; time passes only where it is asked to.

    By the hour it is what the cinema itself does after a pause: the traffic between is filled in by the code
    that makes its history, deliveries and trainings come at their hours. That traffic knows no fault; in
    `pass_time` the code that serves the present makes it, with whatever is switched on.
    """

    def __init__(self, folder: Path, at: datetime, rate: float, **written: float) -> None:
        """`written`: how often it writes, where that is not as live: `flush_seconds`, `prelaunch_seconds`."""
        usual = Settings()
        self.settings = Settings(
            flush_seconds=written.get("flush_seconds", usual.flush_seconds),
            prelaunch_seconds=written.get("prelaunch_seconds", usual.prelaunch_seconds),
            folder=folder,
            history_days=HISTORY_DAYS,
            candidate_hours=24 * HISTORY_DAYS,
            requests_per_second=rate,
        )
        self.at = at
        self.live = Live(self.settings, lambda *_: None, at)

    @property
    def declared(self) -> Recommender:
        """The cinema's own declaration, over this folder."""
        return declared(self.settings.folder)

    def pass_hours(self, until: datetime) -> None:
        """Ordinary time, an hour at a time."""
        while self.at < until:
            self.at = min(self.at.replace(minute=0, second=0, microsecond=0) + HOUR, until)
            self.live.step(self.at)
        self.live.flush()

    def pass_time(self, seconds: float) -> None:
        """Time as it is lived through; what was written is readable after."""
        self.at += seconds * SECOND
        self.live.step(self.at)
        self.live.flush()

    def forget(self) -> None:
        """Traffic that no check looks back to is dropped, as a team would."""
        oldest = (self.at - timedelta(days=KEPT_DAYS)).strftime("%Y%m%dT%H%M%S")
        for table in TRAFFIC:
            for path in (self.settings.tables / table).glob("*.parquet"):
                if path.name < oldest:
                    path.unlink()

    def close(self) -> None:
        """Nothing more is written."""
        self.live.flush()
        self.live.requests.close()


def declared(folder: Path) -> Recommender:
    """The cinema's declaration over a folder; only who deploys hotfixes asks for the secret."""
    return load(DECLARED, {**os.environ, "CINEMA_FOLDER": str(folder), "CINEMA_WEBHOOK_SECRET": "none"})


def branch(folder: Path, to: Path) -> Path:
    """
    The folder as it is now, to go on from elsewhere. Files are linked, not copied: each of the cinema's is
    replaced as a whole and never written into, but for the requests' journal, which is left out.
    """
    shutil.copytree(folder, to, copy_function=os.link, ignore=shutil.ignore_patterns("requests", "*.tmp"))
    return to
