"""
A real feed's deliveries, as they came and with planted faults: what is detected, and how soon.

The configuration is that of `examples/movietweetings`, its checks of the deliveries. In the feed as it came,
a delivery counts as late from half an hour after the usual clock time of the four weeks before, and as short
below a third of their usual films; every other incident counts as false. Faults are planted by a seed, a week
or more apart: a delivery that is missing, two days of them, nine hours late, empty, short, malformed. No
threshold was chosen on the planted faults. The feed as it came was looked at while timetables were built, and
one limit was moved because of it (how much sooner another rule must alarm); its undetected deliveries were
examined again, which led to looks every five minutes, to the choice between two clocks, and to silences that
begin while an incident is still open. So its rows are no blind test.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from benchmarks.detection.movietweetings import BESIDE, DATA, FILES, ROOT
from benchmarks.table import Row, Rows
from domain.recommender.recommender import Recommender
from workers.checks.backtest import BacktestIncident, backtest
from workers.declaration.declare import load

ZONE = ZoneInfo("Europe/Brussels")
BEGIN = datetime(2013, 9, 9, tzinfo=UTC)  # three weeks of history lie before it
END = datetime(2014, 6, 30, tzinfo=UTC)
CHECKS = ("deliveries_freshness", "films_delivered", "deliveries_as_promised")
DELIVERIES = "feed_deliveries.csv"
BEFORE = 28  # deliveries from which the usual is learned
LATE, SHORT = timedelta(minutes=30), 1 / 3
HOURS_LATE, SHORT_SHARE = 9, 0.2
APART = 8  # days at least between two faults
ROUND = ("missing", "late", "empty", "short", "two days", "malformed")
SEEDS = (1, 2)
MOST_FALSE_A_WEEK = 0.2
MOST_HOURS = {"missing": 2, "two days": 2, "late": 2, "empty": 2, "short": 24, "malformed": 24}
"""Hours within which it has to be detected, from when a delivery was due, or came wrong."""


@dataclass(frozen=True)
class Wrong:
    """What was wrong with a delivery that was due, or came, `at`."""

    what: str
    at: datetime

    def caught_by(self, incidents: tuple[BacktestIncident, ...]) -> BacktestIncident | None:
        """The first incident that was opened for it in time."""
        until = self.at + timedelta(hours=MOST_HOURS[self.what])
        found = [one for one in incidents if self.at < one.opened_at <= until]
        return min(found, key=lambda one: one.opened_at, default=None)

    def concerns(self, incident: BacktestIncident) -> bool:
        """Whether an incident may stem from it, including through what it leaves behind for later windows."""
        return self.at < incident.opened_at <= self.at + timedelta(days=3)


def read(folder: Path) -> pd.DataFrame:
    """The file, each delivery with its time `at`; documentation changes are no deliveries, and are kept."""
    frame = pd.read_csv(folder / DELIVERIES, dtype=str)
    return frame.assign(at=pd.to_datetime(frame["delivered_at"], utc=True))


def as_it_came(frame: pd.DataFrame) -> list[Wrong]:
    """The late and the short deliveries of the feed, by a rule independent of the checks."""
    real = frame[frame["ratings_changed"] == "1"].reset_index(drop=True)
    local = real["at"].dt.tz_convert(ZONE)
    clock = (local - local.dt.normalize()).dt.total_seconds().to_numpy()
    films = real["movies_added"].astype(float).to_numpy()
    wrong: list[Wrong] = []
    for place in range(BEFORE, len(real)):
        past = slice(place - BEFORE, place)
        after = timedelta(seconds=float(clock[place] - np.median(clock[past])))
        at = real["at"].iloc[place].to_pydatetime()
        if after > LATE:
            wrong.append(Wrong("late", at - after))
        if films[place] < SHORT * np.median(films[past]):
            wrong.append(Wrong("short", at))
    return [one for one in wrong if BEGIN < one.at < END]


def planted(frame: pd.DataFrame, seed: int) -> tuple[pd.DataFrame, list[Wrong]]:
    """The deliveries with faults planted one after the other, and when each faulty one was due."""
    chance = np.random.default_rng(seed)
    spoilt, wrong = frame.copy(), list[Wrong]()
    real = frame[(frame["ratings_changed"] == "1") & (frame["at"] > BEGIN + timedelta(days=14))]
    place, order = 0, list(ROUND)
    while place < len(real) - APART:
        if len(wrong) % len(ROUND) == 0:
            chance.shuffle(order)
        what = order[len(wrong) % len(ROUND)]
        _spoil(spoilt, real.index[place : place + 2], what)
        wrong.append(Wrong(what, real["at"].iloc[place].to_pydatetime()))
        place += APART + int(chance.integers(0, APART))
    return spoilt.sort_values("at"), wrong


def _spoil(frame: pd.DataFrame, two: pd.Index, what: str) -> None:
    first = two[0]
    if what in ("missing", "two days"):
        frame.drop(index=two if what == "two days" else two[:1], inplace=True)
    elif what == "late":
        frame.loc[first, "at"] += timedelta(hours=HOURS_LATE)
    elif what == "empty":
        frame.loc[first, "movies_added"] = "0"
    elif what == "short":
        frame.loc[first, "movies_added"] = str(int(SHORT_SHARE * float(frame.loc[first, "movies_added"])))
    else:
        frame.loc[first, "movies_malformed"] = "1"


def rows(table: Rows) -> Iterator[Row]:
    """Detections in the feed as it came, and for each kind of planted fault; false incidents a week."""
    folder = Path(os.environ.get(DATA, BESIDE)).resolve()
    if lacking := [name for name in FILES if not (folder / name).is_file()]:
        yield table.not_run("deliveries", f"{DATA} names no folder with {', '.join(lacking)}")
        return
    frame = read(folder)
    weeks = (END - BEGIN) / timedelta(weeks=1)
    wrong, incidents = as_it_came(frame), _incidents(folder, frame)
    yield _false(table, "as they came", wrong, incidents, weeks)
    yield _share(table, "as they came", wrong, incidents)
    every = [(faults, _incidents(folder, spoilt)) for spoilt, faults in (planted(frame, s) for s in SEEDS)]
    for what in ROUND:
        pairs = [(one, one.caught_by(found)) for faults, found in every for one in faults if one.what == what]
        hours = [(by.opened_at - one.at) / timedelta(hours=1) for one, by in pairs if by is not None]
        yield table.above(
            f"deliveries, {what}, planted: share detected within {MOST_HOURS[what]} h",
            len(hours) / len(pairs),
            "of them",
            1.0 if what != "short" else 0.75,
            f"{len(pairs)} planted; {np.median(hours):.1f} h after it was due"
            if hours
            else "none was detected",
        )
    known = as_it_came(frame)
    wrongly = sum(
        not any(one.concerns(incident) for one in (*faults, *known))
        for faults, found in every
        for incident in found
    )
    yield table.below(
        "deliveries, planted: false incidents a week",
        wrongly / (weeks * len(SEEDS)),
        "a week",
        MOST_FALSE_A_WEEK,
        f"{wrongly} in {weeks * len(SEEDS):.0f} weeks",
    )


def _false(
    table: Rows, name: str, wrong: list[Wrong], incidents: tuple[BacktestIncident, ...], weeks: float
) -> Row:
    false = [one for one in incidents if not any(each.concerns(one) for each in wrong)]
    said = "; ".join(f"{one.opened_at:%-d %b} {one.title.partition(': ')[2]}" for one in false)
    return table.below(
        f"deliveries, {name}: false incidents a week, {weeks:.0f} weeks",
        len(false) / weeks,
        "a week",
        MOST_FALSE_A_WEEK,
        said or "none",
    )


def _share(table: Rows, name: str, wrong: list[Wrong], incidents: tuple[BacktestIncident, ...]) -> Row:
    pairs = [(one, one.caught_by(incidents)) for one in wrong]
    said = "; ".join(f"{one.at.astimezone(ZONE):%-d %b} {one.what}: {_after(one, by)}" for one, by in pairs)
    share = sum(by is not None for _one, by in pairs) / max(len(pairs), 1)
    return table.above(
        f"deliveries, {name}: share of late and short ones detected", share, "of them", 0.75, said
    )


def _after(one: Wrong, by: BacktestIncident | None) -> str:
    if by is None:
        return "not detected"
    return f"{(by.opened_at - one.at) / timedelta(hours=1):.1f} h, {by.check}"


def _incidents(folder: Path, frame: pd.DataFrame) -> tuple[BacktestIncident, ...]:
    with tempfile.TemporaryDirectory() as copy:
        for name in FILES:
            if name != DELIVERIES:
                shutil.copyfile(folder / name, Path(copy) / name)  # a link out of the folder is not followed
        written = frame.assign(delivered_at=frame["at"].dt.tz_convert("UTC").map(lambda at: at.isoformat()))
        written.drop(columns="at").to_csv(Path(copy) / DELIVERIES, index=False)
        return backtest(declared(Path(copy)), BEGIN, END).incidents


def declared(folder: Path) -> Recommender:
    """The example's checks of the deliveries."""
    feed = load(ROOT / "examples/movietweetings", {DATA: str(folder)})
    return feed.model_copy(update={"checks": {name: feed.checks[name] for name in CHECKS}})
