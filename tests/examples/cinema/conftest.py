"""A small cinema: one day of history at a low rate, made once; each test goes on from a copy."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from examples.cinema.live import Live
from examples.cinema.settings import Settings

START = datetime(2026, 3, 10, 12, 20, 30, tzinfo=UTC)


def quiet(what: str, share: float) -> None:
    """Progress that nobody watches."""


class Small:
    """A cinema in a folder, with the questions that tests ask of its tables."""

    def __init__(self, folder: Path, at: datetime = START, rate: float = 1.5) -> None:
        self.settings = Settings(
            folder=folder,
            requests_per_second=rate,
            history_days=1,
            candidate_hours=2,
            members=500,
            flush_seconds=600,
        )
        self.live = Live(self.settings, quiet, at)
        self.at = at

    def run(self, minutes: float) -> None:
        """Let time pass, a minute at a time, and make it readable."""
        end = self.at + timedelta(minutes=minutes)
        while self.at < end:
            self.at = min(end, self.at + timedelta(seconds=60))
            self.live.step(self.at)
        self.live.flush()

    def ask(self, select: str, *given: Any) -> list[tuple[Any, ...]]:
        """Rows of a query in which `{name}` stands for a table."""
        folder = self.settings.tables
        names = {path.name: f"read_parquet('{path}/*.parquet')" for path in folder.iterdir()}
        with duckdb.connect() as engine:
            engine.execute("SET TimeZone = 'UTC'")
            return engine.execute(select.format(**names), list(given)).fetchall()

    def share(
        self, since: datetime, condition: str = "country = 'France'", table: str = "impressions"
    ) -> float:
        """The part of the rows since a time that meet a condition."""
        time = "shown_at" if table == "impressions" else "played_at"
        query = f"SELECT avg(CAST({condition} AS INT)) FROM {{{table}}} WHERE {time} >= ?"
        return float(self.ask(query, since)[0][0])


@pytest.fixture(scope="session")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a cinema that was back-filled and stopped."""
    folder = tmp_path_factory.mktemp("cinema")
    Small(folder).live.requests.close()
    return folder


@pytest.fixture(scope="session")
def hour(history: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Small]:
    """A cinema that went on for an hour after its history; to be looked at only."""
    folder = tmp_path_factory.mktemp("hour") / "cinema"
    shutil.copytree(history, folder)
    small = Small(folder)
    small.run(60)
    yield small
    small.live.requests.close()


@pytest.fixture
def reopen(history: Path, tmp_path: Path) -> Iterator[Callable[..., Small]]:
    """Opens a copy of the history, or, given a folder, that folder once more."""
    opened: list[Small] = []

    def open_one(folder: Path | None = None, at: datetime = START) -> Small:
        if folder is None:
            folder = tmp_path / "cinema"
            shutil.copytree(history, folder)
        opened.append(Small(folder, at))
        return opened[-1]

    yield open_one
    for small in opened:
        small.live.requests.close()


@pytest.fixture
def cinema(reopen: Callable[..., Small]) -> Small:
    """A cinema with a day of history behind it."""
    return reopen()
