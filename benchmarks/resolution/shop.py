"""
A small shop in a folder with a clock that we set: its requests, what it shows and sells under its hotfixes.

It reads hotfixes as any recommender does: overrides from a file or a Valkey key by the client, drawn by
member; and webhook calls by the client's receiver. What is really served is kept apart from what the target
reports about it.
"""

from __future__ import annotations

import copy
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from recsysops_client import Override

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.intp]

OPENED = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)
PAST = timedelta(hours=3)
STEP = timedelta(seconds=15)
RATE = 12.0
"""Requests a second."""
WEEK_REQUESTS = RATE * timedelta(days=7).total_seconds()
MEMBERS, ITEMS, SHELF = 4_000, 120, 6
COUNTRIES = ("Denmark", "Finland", "Norway", "Portugal", "Spain", "Sweden")
DEVICES = ("mobile", "tv", "web")
GENRES = ("action", "comedy", "crime", "drama", "family", "horror", "music", "nature")
STRUCK = "drama"
LOST = 0.8
"""Log-odds that the fault takes from the struck genre: about half of its impressions."""
FAILED = -np.inf


@dataclass
class Scene:
    """
    The requests of one step that are served with a hotfix, to be changed in place, one row each.

    `since` is how long it has been in force, `share` the share of members it is for.
    """

    scores: Floats
    appeal: Floats
    latency: Floats
    answered: Bools
    logged: Bools
    country: npt.NDArray[np.str_]
    device: npt.NDArray[np.str_]
    since: timedelta
    share: float


Effect = Callable[[Scene], None]
"""What serving with a hotfix does besides what the hotfix says."""


def nothing(_scene: Scene) -> None:
    """The hotfix does only what it says."""


@dataclass(frozen=True)
class Served:
    """A hotfix in force: its id, what it changes, for which share of members, and who draws them."""

    key: str
    override: Override | None = None


Serving = Callable[[datetime, str | None], list[Served]]
"""What is really in force for a member; without one, what is in force for anybody."""


@dataclass
class Shop:
    """
    Attributes:
        serving: what is in force; `effect` is what that does besides.
        touched: requests served with a hotfix while it did what it should not.
    """

    folder: Path
    at: datetime = OPENED
    struck_at: datetime | None = None
    serving: Serving = field(default=lambda _at, _member: [])
    effect: Effect = nothing
    harm_at: datetime | None = None
    harmful_from: Callable[[datetime, float], bool] = field(default=lambda _since, _share: False)
    touched: int = 0
    began: dict[str, datetime] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._chance = np.random.default_rng(14)
        self.genre = np.array([GENRES[n % len(GENRES)] for n in range(ITEMS)])
        self.items = np.array([f"i{n}" for n in range(ITEMS)])
        self._base = self._chance.normal(0, 0.6, ITEMS)
        self._appeal = self._chance.normal(-0.6, 0.3, ITEMS)
        self._taste = self._chance.normal(0, 0.4, (MEMBERS, len(GENRES)))
        self._country = self._chance.choice(COUNTRIES, MEMBERS, p=(0.25, 0.2, 0.1, 0.1, 0.15, 0.2))
        self._device = self._chance.choice(DEVICES, MEMBERS, p=(0.4, 0.3, 0.3))
        self._written = 0

    def seconds(self) -> float:
        """Its time, since 1970."""
        return self.at.timestamp()

    def of(self, genre: str) -> list[str]:
        """The items of a genre."""
        return [str(item) for item in self.items[self.genre == genre]]

    def branch(self, to: Path) -> Shop:
        """Branch off the shop as it is now into another folder; files are linked and never written into."""
        shutil.copytree(self.folder, to, copy_function=os.link)
        other = copy.deepcopy(self)
        other.folder = to
        return other

    def pass_time(self, span: timedelta) -> None:
        """Serve the requests of a span; afterwards, what was written can be read."""
        start, self.at = self.at, self.at + span
        count = int(self._chance.poisson(RATE * span.total_seconds()))
        seconds = np.sort(self._chance.uniform(0, span.total_seconds(), count))
        times = pd.Timestamp(start) + pd.to_timedelta(seconds, unit="s")
        self._answer(pd.DatetimeIndex(times).as_unit("us"), self._chance.integers(0, MEMBERS, count))

    def _answer(self, times: pd.DatetimeIndex, members: Ints) -> None:
        count = len(members)
        scores = self._base + self._taste[members][:, np.arange(ITEMS) % len(GENRES)]
        everybody = Scene(
            scores=scores - LOST * (self.struck_at is not None) * (self.genre == STRUCK),
            appeal=np.tile(self._appeal, (count, 1)),
            latency=80 * self._chance.lognormal(0, 0.4, count),
            answered=np.ones(count, dtype=bool),
            logged=np.ones(count, dtype=bool),
            country=self._country[members],
            device=self._device[members],
            since=timedelta(0),
            share=0.0,
        )
        self._hotfixes(everybody, members)
        self._write(everybody, times, members)

    def _hotfixes(self, everybody: Scene, members: Ints) -> None:
        """Apply each hotfix to the requests served with it, and count those touched while it did harm."""
        start = self.at - STEP
        found = [self.serving(start, f"m{member}") for member in members.tolist()]
        keys = {served.key: served for each in found for served in each}
        for key, served in keys.items():
            self.began.setdefault(key, start)
            mine = np.array([any(one.key == key for one in each) for each in found])
            share = served.override.share if served.override else 1.0
            scene = _part(everybody, mine, start - self.began[key], share)
            self._apply(served, scene)
            self.effect(scene)
            _put(everybody, mine, scene)
            if self.harmful_from(start, share):
                self.harm_at = self.harm_at or start
            if self.harm_at is not None:
                self.touched += int(mine.sum())

    def _apply(self, served: Served, scene: Scene) -> None:
        """Apply what the hotfix says: an override's own change; for a call, the fault is gone."""
        given = served.override
        if given is None:
            scene.scores += LOST * (self.struck_at is not None) * (self.genre == STRUCK)
            return
        named = np.isin(self.items, given.items)
        if given.kind == "boost_items":
            scene.scores += given.amount * named
        elif given.kind == "block_items":
            scene.scores[:, named] = FAILED
        else:
            scene.scores += LOST * named * (self.genre == STRUCK)

    def _write(self, scene: Scene, times: pd.DatetimeIndex, members: Ints) -> None:
        rung = scene.scores + self._chance.gumbel(size=scene.scores.shape)
        order = np.argsort(-rung, axis=1)[:, :SHELF]
        rows = np.arange(len(members))[:, None]
        there = np.isfinite(scene.scores[rows, order]) & scene.answered[:, None]
        played = there & (self._chance.random(order.shape) < 1 / (1 + np.exp(-scene.appeal[rows, order])))
        who = pd.DataFrame(
            {
                "at": times,
                "request_id": np.arange(len(members)) + 1_000 * self._written,
                "member_id": [f"m{one}" for one in members.tolist()],
                "country": scene.country,
                "device": scene.device,
                "latency_ms": scene.latency,
            }
        )
        self._put_down("requests", who[scene.answered])
        seen = {"impressions": there & scene.logged[:, None], "plays": played & scene.logged[:, None]}
        for name, which in seen.items():
            request, place = np.nonzero(which)
            item = order[request, place]
            mine = who.drop(columns="latency_ms").iloc[request].reset_index(drop=True)
            mine = mine.assign(item_id=self.items[item], genre=self.genre[item])
            self._put_down(name, mine.assign(played=played[which].astype(int)))
        self._written += 1

    def _put_down(self, table: str, rows: pd.DataFrame) -> None:
        folder = self.folder / "tables" / table
        folder.mkdir(parents=True, exist_ok=True)
        rows.to_parquet(folder / f"{self._written:06d}.parquet", index=False)


def _part(scene: Scene, mine: Bools, since: timedelta, share: float) -> Scene:
    cut: dict[str, Any] = {name: getattr(scene, name)[mine].copy() for name in ROWS}
    return Scene(**cut, since=since, share=share)


def _put(scene: Scene, mine: Bools, part: Scene) -> None:
    for name in ROWS:
        getattr(scene, name)[mine] = getattr(part, name)


ROWS = ("scores", "appeal", "latency", "answered", "logged", "country", "device")


def opened(folder: Path) -> Shop:
    """Three hours of a shop in which nothing is wrong; it then stands at `OPENED`."""
    shop = Shop(folder, at=OPENED - PAST)
    while shop.at < OPENED:
        shop.pass_time(timedelta(minutes=5))
    return shop


DECLARED = """
[recommender]
name = "shop"
[tables.requests]
path = "tables/requests/*.parquet"
time = "at"
window = "1m"
every = "15s"
dimensions = ["country", "device"]
member = "member_id"
[tables.impressions]
path = "tables/impressions/*.parquet"
time = "at"
window = "1m"
every = "15s"
dimensions = ["genre", "country", "device"]
item = "item_id"
member = "member_id"
[tables.plays]
path = "tables/plays/*.parquet"
time = "at"
window = "1m"
every = "15s"
dimensions = ["genre", "country", "device"]
item = "item_id"
member = "member_id"
[checks.impressions_by_slice]
kind = "slice_volume"
table = "impressions"
ways = 2
history = "2h"
[checks.plays_by_slice]
kind = "slice_volume"
table = "plays"
ways = 2
history = "2h"
[checks.played_of_shown]
kind = "slice_volume"
table = "impressions"
aggregate = "mean"
measure = "played"
ways = 2
history = "2h"
[checks.requests_by_slice]
kind = "slice_volume"
table = "requests"
ways = 2
history = "2h"
[checks.requests_volume]
kind = "volume"
table = "requests"
history = "2h"
[checks.plays_volume]
kind = "volume"
table = "plays"
history = "2h"
[checks.latency]
kind = "latency"
table = "requests"
measure = "latency_ms"
history = "2h"
"""
GUARDS = (
    "impressions_by_slice",
    "plays_by_slice",
    "played_of_shown",
    "requests_by_slice",
    "requests_volume",
    "plays_volume",
    "latency",
)
CAUSES = ("feature", "filter", "launch", "model", "serving", "unknown")


def declare(shop: Shop, hotfixes: Mapping[str, str], deployers: str) -> Path:
    """The declaration in the shop's folder: its own tables and checks, and these hotfixes by their keys."""
    common = f'causes = {list(CAUSES)}\nguards = {list(GUARDS)}\nwatch = "3m"\n'
    sections = "".join(
        f'[hotfixes.{name}]\nlabel = "{name}"\n{common}{keys}\n' for name, keys in hotfixes.items()
    )
    people = '[permissions]\nrespond = ["oncall"]\ndeploy = ["oncall"]\napprove = ["oncall"]\n'
    path = shop.folder / "recsysops.toml"
    path.unlink(missing_ok=True)
    path.write_text(DECLARED + sections + deployers + people)
    return path
