"""
A third world: a job board in Brazil that recommends vacancies in mailed digests and on its page.

Days and nights, weekends and two mailings a day shape its traffic; applications to a digest come hours later.
A gradient boosting is retrained each night, the catalogue is exported every two hours, vacancies come and go.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd
import skops.io
from sklearn.ensemble import HistGradientBoostingClassifier

from benchmarks.diagnosis.jobs.hold import Hold
from benchmarks.diagnosis.jobs.market import (
    CANDIDATES,
    VACANCIES,
    Floats,
    Trained,
    chances,
    inputs,
    labelled,
    retrieved,
    scores,
    seekers,
    train,
    vacancies,
    with_inputs,
)
from benchmarks.diagnosis.jobs.traffic import LOCAL, asked
from domain.recommender.recommender import Recommender
from workers.declaration.declare import load

DAY = datetime(2026, 8, 13, tzinfo=LOCAL)  # a Thursday, on which everything goes wrong
BEGUN = DAY.replace(hour=8).astimezone(UTC)
HISTORY = timedelta(days=14)
EXPORT_EVERY, FILLED_HOUR, TRAINED_HOUR = timedelta(hours=2), 2, 4
LENGTHS = {"digest": 6, "android": 8, "ios": 8, "desktop": 10}
LOGGED, EXPLORED, SAVED = 0.2, 0.02, 1.6
CHURN = 20  # vacancies filled, and posted, in a night
DECLARED = Path(__file__).with_name("jobs.toml")

N = TypeVar("N", bound=np.generic)


class Board:
    """The board at a time, over tables in a folder; time passes only when it is told to."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.at = folder, (DAY - HISTORY).astimezone(UTC)
        self.rng = np.random.default_rng([seed, 977])
        self.hold = Hold()
        self.people = seekers(self.rng, self.at)
        self.open = vacancies(self.rng, VACANCIES, 40_001, self.at, 20.0)
        self.past: list[pd.DataFrame] = []
        self._lists, self._part, self._posted = 5_000_000, 0, 40_001 + VACANCIES
        self._wait: dict[str, list[pd.DataFrame]] = {}
        _write(folder / "seekers/all.parquet", self.people)
        self.older = train(self.rng, self.people, self.open, self.at, ("applicants_7d", "remote"))
        self.export()
        self.learn(train(self.rng, self.people, self.open, self.at), f"gb{self.at:%m%d}")
        while self.at < BEGUN:
            self.live(min(timedelta(days=1), BEGUN - self.at))

    @property
    def declared(self) -> Recommender:
        """Its declaration, over this folder."""
        target = self.folder / "recsysops.toml"
        target.write_text(DECLARED.read_text(encoding="utf-8"), encoding="utf-8")
        return load(target, {})

    def export(self) -> None:
        """Export the open vacancies, as the catalogue has them now."""
        served = self.hold.exported(self.open.copy()) if self.hold.exported else self.open
        self.served, exported = served, served.drop(columns="appeal")
        _write(self.folder / "vacancies/now.parquet", exported)
        _write(self.folder / f"exports/{self.at:%Y%m%dT%H%M}.parquet", exported.assign(exported_at=self.at))
        self.past.append(served)

    def learn(self, trained: Trained, version: str) -> None:
        """Put a new model into service; its training reports what it should."""
        said = {
            "run": version,
            "trained_at": self.at,
            "rows": 24_000,
            "auc": trained.auc,
            "log_loss": trained.loss,
        }
        _write(self.folder / f"trainings/{version}.parquet", pd.DataFrame([said]))
        learned = trained.rows.assign(trained_at=self.at, run=version)
        _write(self.folder / f"training_sets/{version}.parquet", learned)
        self.serve(trained.model, version)

    def serve(self, model: HistGradientBoostingClassifier, version: str) -> None:
        """Serve another model from now on, as its registry says."""
        self.model, self.version = model, version
        for name in ("serving", version):
            self.store(model, name)
        registry = json.dumps({"version": version, "since": self.at.isoformat()})
        (self.folder / "models/registry.json").write_text(registry, encoding="utf-8")

    def store(self, model: HistGradientBoostingClassifier, name: str) -> None:
        """Store a model's file among all that were ever kept."""
        target = self.folder / f"models/{name}.skops"
        target.parent.mkdir(parents=True, exist_ok=True)
        skops.io.dump(model, target)

    def live(self, span: timedelta) -> None:
        """Serve the lists of a span, and write down what comes of them."""
        end, made = self.at + span, dict[str, list[pd.DataFrame]]()
        while self.at < end:
            upto = min(end, self._next_export())
            for name, rows in self._served(self.at, upto):
                made.setdefault(name, []).append(rows)
            self.at = upto
            if (
                upto == upto.replace(minute=0, second=0, microsecond=0)
                and upto.astimezone(LOCAL).hour % 2 == 0
            ):
                self._turn()
        for name in sorted({*made, *self._wait}):
            self._settle(name, made.get(name, []))
        self._part += 1

    def close(self) -> None:
        """Nothing is open."""

    def post(self, more: pd.DataFrame) -> None:
        """Open more vacancies."""
        self.open = pd.concat([self.open, more], ignore_index=True)

    def _next_export(self) -> datetime:
        local = self.at.astimezone(LOCAL)
        hour = local.replace(minute=0, second=0, microsecond=0) - timedelta(hours=local.hour % 2)
        return (hour + EXPORT_EVERY).astimezone(UTC)

    def _turn(self) -> None:
        """What two hours bring: applicants counted anew, at night other vacancies; then an export."""
        rng, hour = self.rng, self.at.astimezone(LOCAL).hour
        if hour == FILLED_HOUR:
            gone = rng.choice(len(self.open), CHURN, replace=False)
            fresh = vacancies(rng, CHURN, self._posted, self.at, 0.4).assign(applicants_7d=0.0)
            self.open = pd.concat([self.open.drop(index=self.open.index[gone]), fresh], ignore_index=True)
            self._posted += CHURN
        count = self.open["applicants_7d"].to_numpy()
        came = rng.poisson(self.open["appeal"].to_numpy() * 5 / 84)
        self.open["applicants_7d"] = count + came - rng.binomial(count.astype(int), 1 / 84)
        self.export()
        if hour == TRAINED_HOUR:
            self.learn(train(rng, self.people, self.open, self.at), f"gb{self.at:%m%d}")

    def _served(self, start: datetime, end: datetime) -> Iterator[tuple[str, pd.DataFrame]]:
        rng = self.rng
        lists = asked(rng, self.people, start, end, self.hold.traffic, self.hold.homes)
        if not len(lists):
            return
        lists["list_id"] = self._lists + np.arange(len(lists))
        lists["explored"] = rng.random(len(lists)) < EXPLORED
        self._lists += len(lists)
        frame = self._ranked(lists)
        shown = frame[frame["shown"]]
        yield "offers", shown.rename(columns={"rank": "place"})[[*_LIST, "place", "explored"]]
        logged = lists["list_id"][rng.random(len(lists)) < LOGGED]
        log = frame[frame["list_id"].isin(logged)].drop(columns="likely")
        yield "rankings", log.rename(columns={"served_at": "ranked_at"})
        for name, often, time in (("applications", 1.0, "applied_at"), ("saves", SAVED, "saved_at")):
            own = shown[rng.random(len(shown)) < np.minimum(shown["likely"] * often, 0.95)]
            late = np.where(
                own["channel"] == "digest", rng.lognormal(8.6, 0.8, len(own)), rng.gamma(2, 90, len(own))
            )
            when = own["served_at"] + pd.to_timedelta(late, unit="s").astype("timedelta64[us]")
            yield name, own[_LIST].assign(**{time: when}).drop(columns="served_at")

    def _ranked(self, lists: pd.DataFrame) -> pd.DataFrame:
        """A row for each list and candidate: the model's input, its score and rank, whether it was shown."""
        hold, count = self.hold, len(lists)
        at = np.asarray(lists["served_at"].astype("datetime64[s, UTC]").astype("int64"), np.int64)
        picked = retrieved(self.rng, lists, self.served)
        rows = labelled(lists, self.served, picked)
        true = chances(inputs(lists, self.open, picked, at))
        fed = inputs(lists, self.served, picked, at)
        if hold.looked_up:
            channel, read = hold.looked_up
            there = np.ones(len(rows), bool) if not channel else (rows["channel"] == channel).to_numpy()
            fed = np.where(there[:, None], inputs(lists, read(self.served.copy()), picked, at), fed)
        fed = hold.fed(rows, fed) if hold.fed else fed
        score, version = self._scored(rows, fed)
        score = score * hold.score(rows) if hold.score else score
        order = np.where(
            lists["explored"].to_numpy()[:, None], self.rng.random((count, CANDIDATES)), _grid(score)
        )
        order = np.where(_grid(hold.kept(rows)), order, -1.0) if hold.kept else order
        rank = np.argsort(np.argsort(-order, axis=1), axis=1).ravel() + 1
        shown = (rank <= rows["channel"].map(LENGTHS).to_numpy()) & (order.ravel() >= 0)
        frame = with_inputs(rows, fed)
        return frame.assign(score=score, model_version=version, rank=rank, shown=shown, likely=true)

    def _scored(self, rows: pd.DataFrame, fed: Floats) -> tuple[Floats, npt.NDArray[np.object_]]:
        score = scores(self.model, fed)
        version = np.full(len(rows), self.version, dtype=object)
        if self.hold.served is not None:
            model, name, channel = self.hold.served
            there = np.ones(len(rows), bool) if not channel else (rows["channel"] == channel).to_numpy()
            score[there], version[there] = scores(model, fed[there]), name
        return score, version

    def _settle(self, name: str, made: list[pd.DataFrame]) -> None:
        """Write what has happened by now; what is still to come waits."""
        rows = pd.concat([*self._wait.pop(name, []), *made], ignore_index=True)
        time = _TIMES.get(name, "served_at")
        come = rows[time] < self.at
        self._wait[name] = [rows[~come]]
        strike, due = self.hold.rows.get(name), rows[come].sort_values(time)
        _write(self.folder / name / f"{self._part:04d}.parquet", strike(due) if strike else due)


_LIST = [
    "served_at",
    "list_id",
    "seeker_id",
    "vacancy_id",
    "channel",
    "home",
    "sector",
    "contract",
    "province",
]
_TIMES = {"rankings": "ranked_at", "applications": "applied_at", "saves": "saved_at"}


def _grid(values: npt.NDArray[N]) -> npt.NDArray[N]:
    return values.reshape(-1, CANDIDATES)


def _write(path: Path, rows: pd.DataFrame) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows.to_parquet(path, index=False)
