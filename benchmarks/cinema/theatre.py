"""A cinema in its own folder with a clock that we set: its own traffic, deliveries, trainings, dry runs."""

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
"""Days of traffic kept; no check of the cinema looks further back."""

TRAFFIC = ("impressions", "plays", "plays_standby", "candidates")


class Theatre:
    """
    The cinema at `at`, with its declaration; time passes only when it is told to.

    By the hour it does what the cinema itself does after a pause: the code that makes its history fills in
    the traffic, and deliveries and trainings come at their hours. That traffic knows no fault; `pass_time`
    uses the code that serves the present, with whatever fault is switched on.
    """

    def __init__(self, folder: Path, at: datetime, rate: float, **written: float) -> None:
        """`written`: how often it writes, if not as live: `flush_seconds`, `prelaunch_seconds`."""
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
        """Let ordinary time pass, an hour at a time."""
        while self.at < until:
            self.at = min(self.at.replace(minute=0, second=0, microsecond=0) + HOUR, until)
            self.live.step(self.at)
        self.live.flush()

    def pass_time(self, seconds: float) -> None:
        """Let time pass as it is lived through; afterwards, what was written can be read."""
        self.at += seconds * SECOND
        self.live.step(self.at)
        self.live.flush()

    def forget(self) -> None:
        """Drop the traffic that no check looks back to, as a team would."""
        oldest = (self.at - timedelta(days=KEPT_DAYS)).strftime("%Y%m%dT%H%M%S")
        for table in TRAFFIC:
            for path in (self.settings.tables / table).glob("*.parquet"):
                if path.name < oldest:
                    path.unlink()

    def close(self) -> None:
        """Stop writing."""
        self.live.flush()
        self.live.requests.close()


def declared(folder: Path) -> Recommender:
    """The cinema's declaration over a folder; only somebody who deploys hotfixes needs the secret."""
    return load(DECLARED, {**os.environ, "CINEMA_FOLDER": str(folder), "CINEMA_WEBHOOK_SECRET": "none"})


def branch(folder: Path, to: Path) -> Path:
    """
    Branch off the folder as it is now. Files are linked, not copied: the cinema always replaces a file as a
    whole and never writes into it. The exception is the requests' journal, which is left out.
    """
    shutil.copytree(folder, to, copy_function=os.link, ignore=shutil.ignore_patterns("requests", "*.tmp"))
    return to
