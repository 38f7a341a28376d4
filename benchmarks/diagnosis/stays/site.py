"""
A fifth world: hotels and holiday flats of six suppliers, in four countries and three languages.

People search by day in Mexico City, most of all before a weekend, and book hours later; one booking in twelve
is cancelled. Prices are loaded each hour, the catalogue every two hours of the day, free nights once a day; a
model of boosted trees is retrained on Sundays. Everything is in PostgreSQL.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from lightgbm import Booster

from benchmarks.diagnosis.stays.hold import Hold, Served
from benchmarks.diagnosis.stays.market import (
    NEW_A_DAY,
    STAYS,
    Bools,
    Floats,
    Ints,
    badges,
    guests,
    stays,
)
from benchmarks.diagnosis.stays.ranker import (
    CANDIDATES,
    FEATURES,
    Trained,
    chances,
    features,
    found,
    scores,
    train,
)
from benchmarks.diagnosis.stays.traffic import LOCAL, asked
from benchmarks.diagnosis.stays.warehouse import TIMES, Warehouse
from domain.recommender.recommender import Recommender
from workers.declaration.declare import load

FIRST = datetime(2026, 11, 9, tzinfo=LOCAL)  # the first of seven days, on one of which everything goes wrong
HISTORY = timedelta(days=21)
HOUR = timedelta(hours=1)
CATALOGUE_HOURS, COUNTED_HOUR, TRAINED_HOUR = range(8, 22, 2), 10, 3
SHOWN, LOGGED, EXPLORED, CANCELLED = 5, 0.1, 0.02, 0.08
LOOKED_AT = 1 / (1 + 0.35 * np.arange(SHOWN))
DECLARED = Path(__file__).with_name("stays.toml")
Made = Iterator[tuple[str, pd.DataFrame]]


class Site:
    """The site at a time, over a database on a server; time passes only when it is told to."""

    def __init__(self, folder: Path, owner_url: str, seed: int) -> None:
        self.rng = np.random.default_rng([seed, 3_407])
        self.day = FIRST + timedelta(days=int(self.rng.integers(7)))
        self.folder, self.at = folder, (self.day - HISTORY).astimezone(UTC)
        self.store = Warehouse(owner_url, f"stays_{seed}")
        self.store.make()
        self.hold, self.wait = Hold(), dict[str, list[pd.DataFrame]]()
        self.people = guests(self.rng, self.at)
        self.true = stays(self.rng, STAYS, 4_001, self.at, 500.0)
        self.true["badge"] = badges(self.true, self.at)
        self.listed = self.true.copy()
        self._requests, self._bookings = 51_000_000, 880_000
        self._deploys = 1
        self.older = self.trained(without=("match", "over_budget", "review_score")).model
        self.wait["releases"] = [_release(self.at, "retrieval", "r1")]
        self.wait["flags"] = [_flag(self.at, "reversed_list", "phone", "off")]
        self.learn(self.trained(), f"w{self.at - timedelta(days=7):%G%V}")
        self.store.write({}, {"guests": self.people})
        while self.at < self.day:
            self.live(timedelta(days=1))
        self.store.settle()

    @property
    def declared(self) -> Recommender:
        """Its declaration, over this database."""
        target = self.folder / "recsysops.toml"
        target.write_text(DECLARED.read_text(encoding="utf-8"), encoding="utf-8")
        return load(target, {"WAREHOUSE_URL": self.store.url})

    def trained(self, without: tuple[str, ...] = (), lost: tuple[str, float] | None = None) -> Trained:
        """The result of a training now."""
        return train(self.rng, self.people, self.listed, without, lost)

    def learn(self, trained: Trained, version: str) -> None:
        """Put a new model into service; its training reports what it should."""
        said = {"model_version": version, "finished_at": self.at, "data_until": self.at - timedelta(hours=3)}
        said |= {"n_rows": 50_000, "auc": trained.auc, "log_loss": trained.loss}
        self._put("trainings", pd.DataFrame([said]))
        self._put("train_rows", trained.rows.assign(finished_at=self.at, model_version=version))
        self.serve(trained.model, version)

    def serve(self, model: Booster, version: str) -> None:
        """Serve another model from now on, as its registry says."""
        self.model, self.version = model, version
        (self.folder / "models").mkdir(parents=True, exist_ok=True)
        for name in ("live", version):
            model.save_model(self.folder / f"models/{name}.txt")
        registry = json.dumps({"version": version, "since": self.at.isoformat()})
        (self.folder / "models/registry.json").write_text(registry, encoding="utf-8")

    def keep(self, model: Booster, version: str) -> None:
        """Keep the file of a former version."""
        model.save_model(self.folder / f"models/{version}.txt")

    def add(self, more: pd.DataFrame) -> None:
        """Offer more places; they are found once the catalogue has been loaded."""
        self.true = pd.concat([self.true, more], ignore_index=True)

    def release(self, component: str) -> None:
        """Record a release, as a team notes it."""
        self._deploys += 1
        self._put("releases", _release(self.at, component, f"r{self._deploys}"))

    def flag(self, name: str, audience: str, value: str) -> None:
        """Record a changed feature flag, as a team notes it."""
        self._put("flags", _flag(self.at, name, audience, value))

    def live(self, span: timedelta) -> None:
        """Serve the requests of a span, and write down what comes of them."""
        end = self.at + span
        while self.at < end:
            full = self.at - (self.at - datetime.min.replace(tzinfo=UTC)) % HOUR + HOUR
            upto = min(end, full)
            for name, rows in self._served(self.at, upto):
                self._put(name, rows)
            self.at = upto
            if upto == full:
                self._turn()
        written = {name: self._settled(name) for name in sorted(self.wait)}
        self.store.write(written, {"stays": self.listed})

    def _put(self, name: str, rows: pd.DataFrame) -> None:
        self.wait.setdefault(name, []).append(rows)

    def _turn(self) -> None:
        """What happens at a full hour."""
        local = self.at.astimezone(LOCAL)
        if local.hour == 1:
            self._pass_night(local)
        if local.hour == TRAINED_HOUR and local.weekday() == 6:
            self.learn(self.trained(), f"w{local:%G%V}")
        if local.hour == 11 and local.toordinal() % 3 == 0:
            self.release(("retrieval", "app", "ranker")[local.toordinal() % 9 // 3])
        if local.hour in CATALOGUE_HOURS:
            self._load_catalogue()
        self._load_prices()
        if local.hour == COUNTED_HOUR:
            self._load_nights()

    def _pass_night(self, local: datetime) -> None:
        rng, count = self.rng, len(self.true)
        before_weekend = 1.05 if local.weekday() == 4 else 1 / 1.05 if local.weekday() == 0 else 1.0
        moved = np.where(rng.random(count) < 0.05, rng.choice([0.94, 0.97, 1.03, 1.06], count), 1.0)
        came = rng.poisson(self.true["appeal"].to_numpy(float) * 2.2 / 7)
        week = self.true["booked_7d"].to_numpy(float)
        nights = self.true["free_nights"].to_numpy(float) + rng.integers(-2, 3, count)
        self.true = self.true.assign(
            price=(self.true["price"] * moved * before_weekend).round(2),
            booked_7d=week + came - rng.binomial(week.astype(int), 1 / 7),
            free_nights=np.clip(nights, 1, 30),
        )
        first = int(self.true["stay_id"].max()) + 1
        self.add(stays(rng, NEW_A_DAY, first, self.at, 0.2).assign(booked_7d=0.0))
        self.true["badge"] = badges(self.true, self.at)

    def _load_catalogue(self) -> None:
        loaded = self.hold.exported(self.true.copy()) if self.hold.exported else self.true.copy()
        self._put("catalogue", loaded.assign(exported_at=self.at))
        # What is loaded separately stays as it was loaded; a new place comes with its current values.
        held = len(self.listed)
        for name in ("price", "free_nights"):
            now = loaded[name].to_numpy(float).copy()
            now[:held] = self.listed[name].to_numpy(float)
            loaded[name] = now
        self.listed = loaded

    def _load_prices(self) -> None:
        held = self.true.iloc[: len(self.listed)]
        rows = self.hold.priced(held.copy()) if self.hold.priced else held
        self.listed = self.listed.assign(price=rows["price"].to_numpy(float))
        self._put("price_feed", rows.assign(loaded_at=self.at))

    def _load_nights(self) -> None:
        held = self.true.iloc[: len(self.listed)]
        rows = self.hold.counted(held.copy()) if self.hold.counted else held
        nights = rows.set_index("stay_id")["free_nights"].reindex(self.listed["stay_id"])
        self.listed = self.listed.assign(free_nights=nights.to_numpy(float))
        self._put("availability_feed", rows.assign(loaded_at=self.at))

    def _served(self, start: datetime, end: datetime) -> Made:
        rng = self.rng
        came = asked(rng, self.people, start, end, self.hold.more)
        if came.empty:
            return
        came["request_id"] = self._requests + np.arange(len(came))
        self._requests += len(came)
        came["at"] = _later(pd.Series(pd.Timestamp(start), came.index), came["second"])
        came["explored"] = rng.random(len(came)) < EXPLORED
        rows = self._ranked(came)
        shown = rows[rows["shown"]]
        position = shown["rank"].to_numpy()
        yield "impressions", shown.rename(columns={"at": "shown_at"}).assign(position=position)
        logged = np.repeat(rng.random(len(came)) < LOGGED, CANDIDATES) & rows["found"].to_numpy()
        yield "candidates", rows[logged].rename(columns={"at": "scored_at"})
        yield from self._booked(shown)

    def _ranked(self, came: pd.DataFrame) -> pd.DataFrame:
        """A row for each request and candidate: model input, score and rank, whether it was shown."""
        hold, picked = self.hold, found(self.rng, came, self.people, self.listed)
        rows = self._labelled(came, picked)
        fed = features(came, self.people, self.listed, picked)
        rows = rows.assign(**{name: fed[name].array for name in FEATURES})
        score, version = self._scored(fed, rows)
        chance = self.rng.random(len(rows))
        order = np.where(rows["explored"].to_numpy(), chance, score)
        if hold.turned:
            order = np.where(hold.turned(rows), 1 - order, order)
        reached = hold.fetched(rows) if hold.fetched else np.ones(len(rows), bool)
        may = reached & hold.kept(rows) if hold.kept else reached
        rank = _ranks(np.where(may, order, -1.0))
        true = features(came, self.people, self.true.iloc[: len(self.listed)], picked)
        appeal = self.listed["appeal"].to_numpy(float)[picked.ravel()]
        return rows.assign(
            score=score,
            model_version=version,
            rank=rank,
            shown=(rank <= SHOWN) & may,
            found=reached,
            likely=chances(true, appeal),
            cost=true["price_usd"].to_numpy(float),
        )

    def _scored(self, fed: pd.DataFrame, rows: pd.DataFrame) -> tuple[Floats, npt.NDArray[np.object_]]:
        served = self.hold.served or Served(self.model, self.version)
        score = scores(served.model, fed)
        version = np.full(len(rows), served.version, object)
        if served.cluster is not None:
            elsewhere: Bools = (rows["cluster"] != served.cluster).to_numpy()
            score = np.where(elsewhere, scores(self.model, fed), score)
            version[elsewhere] = self.version
        return score, version

    def _labelled(self, came: pd.DataFrame, picked: Ints) -> pd.DataFrame:
        each, flat = np.repeat(np.arange(len(came)), CANDIDATES), picked.ravel()
        who = came["who"].to_numpy()[each]
        people = {name: self.people[name].to_numpy()[who] for name in ("guest_id", "language", "cluster")}
        of_stay = ("stay_id", "country", "supplier", "currency")
        own = came[["at", "request_id", "device", "app_version", "explored"]].iloc[each]
        return own.reset_index(drop=True).assign(
            **people, **{name: self.listed[name].to_numpy()[flat] for name in of_stay}
        )

    def _booked(self, shown: pd.DataFrame) -> Made:
        """What is booked of it, hours later, and which of these bookings are cancelled."""
        rng = self.rng
        looked = shown["likely"].to_numpy() * LOOKED_AT[shown["rank"].to_numpy() - 1]
        own = shown[rng.random(len(shown)) < looked].reset_index(drop=True)
        if own.empty:
            return
        booked = own.assign(
            booking_id=self._bookings + np.arange(len(own)),
            booked_at=_later(own["at"], rng.gamma(1.4, 7_000, len(own))),
            value_usd=(own["cost"] * own["nights"]).round(2),
        )
        self._bookings += len(own)
        yield "bookings", booked
        lost = booked[rng.random(len(booked)) < CANCELLED]
        if len(lost):
            when = _later(lost["booked_at"], rng.gamma(1.5, 30_000, len(lost)))
            yield "cancellations", lost.assign(cancelled_at=when)

    def _settled(self, name: str) -> pd.DataFrame:
        """Write what has happened by now; what is still to come waits."""
        rows = pd.concat(self.wait.pop(name), ignore_index=True)
        come = rows[TIMES[name]] <= self.at
        if not come.all():
            self.wait[name] = [rows[~come]]
        due = rows[come].sort_values(TIMES[name], kind="stable")
        return self.hold.rows[name](due) if name in self.hold.rows and len(due) else due


def _release(at: datetime, component: str, version: str) -> pd.DataFrame:
    return pd.DataFrame([{"released_at": at, "component": component, "version": version}])


def _flag(at: datetime, name: str, audience: str, value: str) -> pd.DataFrame:
    return pd.DataFrame([{"changed_at": at, "flag": name, "audience": audience, "value": value}])


def _later(start: pd.Series[pd.Timestamp], seconds: object) -> pd.Series[pd.Timestamp]:
    """The time so many seconds later."""
    passed = pd.to_timedelta(np.asarray(seconds, float), unit="s").astype("timedelta64[us]")
    return start + pd.Series(passed, index=start.index)


def _ranks(order: object) -> Ints:
    """(rows,) the rank of each candidate in its request; 1 is the first."""
    grid = np.asarray(order, float).reshape(-1, CANDIDATES)
    return (np.argsort(np.argsort(-grid, axis=1), axis=1) + 1).ravel()
