"""A depot of parcels: scans counted by the half hour; most of them stop being delivered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Engine

from domain.incident import commands as c
from domain.incident.state import Incident
from domain.recommender.recommender import Recommender
from domain.values import Actor, Finding
from workers.bundle.objects import Objects
from workers.checks.backtest import backtest
from workers.declaration.declare import load
from workers.log.handle import handle
from workers.log.obligations import Work, settle
from workers.respond.diagnose.diagnose import settle as diagnose
from workers.respond.resolve.resolve import settle as resolve
from workers.store import cards

DETECTOR = Actor(kind="worker", id="worker:detect")
HALF = timedelta(minutes=30)
END = datetime(2026, 4, 20, 12, tzinfo=UTC)
DAYS, AN_HOUR = 12, 300
FAULT_AT = END - timedelta(hours=6)

DECLARED = """
[recommender]
name = "depot"
[bundle]
path = "{folder}/kept"
[tables.scans]
path = "scans.parquet"
time = "scanned"
window = "30m"
dimensions = ["hub", "carrier"]
[checks.parcels]
kind = "volume"
table = "scans"
history = "8d"
[checks.routes]
kind = "slice_volume"
table = "scans"
history = "8d"
shadow = true
[deployers.overrides]
kind = "webhook"
url = "http://127.0.0.1:9/hook"
secret_env = "HOOK_SECRET"
[hotfixes.standby]
kind = "webhook"
label = "Read the standby feed"
causes = ["feed", "unknown", "world"]
deployer = "overrides"
undo = "1 click"
"""


def scans(
    fault_at: datetime | None = FAULT_AT, left: float = 0.3, seed: int = 4, of: str | None = None
) -> pd.DataFrame:
    """One row a scan; since `fault_at` only this share of them is there, of all carriers or of one."""
    chance = np.random.default_rng(seed)
    start = END - timedelta(days=DAYS)
    count = DAYS * 24 * AN_HOUR
    seconds = np.sort(chance.uniform(0, DAYS * 86_400, count))
    at = pd.DatetimeIndex(start + pd.to_timedelta(seconds, unit="s")).as_unit("us")
    frame = pd.DataFrame(
        {
            "scanned": at,
            "hub": chance.choice(["north", "south"], count),
            "carrier": chance.choice(["van", "bike", "rail"], count),
        }
    )
    if fault_at is None:
        return frame
    lost = (frame["scanned"] >= fault_at) & (chance.random(count) > left)
    if of is not None:
        lost &= frame["carrier"] == of
    return frame[~lost].reset_index(drop=True)


class Depot:
    """Its table in a folder, a store, and workers that open, diagnose and offer at a moment of it."""

    def __init__(self, log: Engine, folder: Path, rows: pd.DataFrame, declared: str = DECLARED) -> None:
        self.log, self.folder = log, folder
        rows.to_parquet(folder / "scans.parquet")
        self.file = folder / "recsysops.toml"
        self.declares(declared)

    def declares(self, text: str) -> Recommender:
        """From now on this is what is declared."""
        self.text = text.replace("{folder}", str(self.folder))
        self.file.write_text(self.text)
        self.recommender = load(self.file)
        return self.recommender

    def changes(self, was: str, now: str) -> Recommender:
        """The same, with this line changed."""
        assert was in self.text
        return self.declares(self.text.replace(was, now))

    @property
    def objects(self) -> Objects:
        return Objects(self.folder / "kept" / "main")

    def found(self, start: datetime = FAULT_AT - 8 * HALF, end: datetime = END) -> tuple[Finding, datetime]:
        """The first finding of the checks, and when it was reported."""
        first = backtest(self.recommender, start, end)
        incident = first.incidents[0]
        finding = next(one for one in first.findings if one.window_end + HALF > incident.opened_at)
        return finding, incident.opened_at

    def raises(self, finding: Finding, at: datetime, key: str = "open") -> Incident:
        """An incident of it, diagnosed and with its menu."""
        command = c.OpenIncident(number=0, finding=finding)
        return self.settles(handle(None, command, actor=DETECTOR, key=key, at=at, log=self.log).stream, at)

    def settles(self, stream: str, at: datetime) -> Incident:
        """An incident that was opened then, diagnosed and with its menu."""
        self._settles(stream, "diagnose", at + timedelta(minutes=2))
        self._settles(stream, "menu", at + timedelta(minutes=3))
        return self.card(stream)

    def _settles(self, stream: str, kind: str, at: datetime) -> None:
        made: Mapping[str, Any] = {"diagnose": diagnose, "menu": resolve}

        def handler(work: Work) -> Iterator[c.Command]:
            yield from made[kind](replace(work, at=at), self.recommender)

        incident = self.card(stream)
        assert kind in incident.awaits, incident.awaits
        settle(self.log, {kind: handler}, kind, stream, incident.awaits[kind][0])

    def card(self, stream: str) -> Incident:
        with self.log.connect() as connection:
            found = cards.find(connection, stream)
        assert found is not None
        return found
