"""
A fourth world: a grocer in Poland, Czechia and Romania who recommends extras and substitutes for a basket.

Nobody orders at night; lunch, dinner and the weekend are busy. A logistic regression is retrained each night,
stock and prices are loaded every quarter of an hour, the assortment is exported every three hours of the day.
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
from sklearn.pipeline import Pipeline

from benchmarks.diagnosis.grocer.depot import EXPORT_HOURS, FED_HOURS, Depot
from benchmarks.diagnosis.grocer.hold import Hold
from benchmarks.diagnosis.grocer.market import CURRENCY, DCS, DEPTS, PER_EUR, Ints, shoppers, tastes
from benchmarks.diagnosis.grocer.ranker import (
    CANDIDATES,
    FEATURES,
    Shelf,
    Trained,
    chances,
    codes,
    features,
    named,
    retrieved,
    scores,
    train,
)
from benchmarks.diagnosis.grocer.traffic import APPS, LOCAL, QUARTER, SURFACES, ZONE, asked
from domain.recommender.recommender import Recommender
from workers.declaration.declare import load

FIRST = datetime(2026, 10, 5, tzinfo=LOCAL)  # the first of seven days, on one of which everything goes wrong
HISTORY = timedelta(days=21)
TRAINED_HOUR = 4
SLOTS = np.array([5, 4, 3])  # by surface
LOGGED, EXPLORED, ORDERED = 0.15, 0.02, 0.4
DECLARED = Path(__file__).with_name("grocer.toml")

N = TypeVar("N", bound=np.generic)


class Shop:
    """The grocer at a time, over tables in a folder; time passes only when it is told to."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.rng = np.random.default_rng([seed, 1_201])
        self.day = FIRST + timedelta(days=int(self.rng.integers(7)))
        self.folder, self.at = folder, (self.day - HISTORY).astimezone(UTC)
        self.hold = Hold()
        self.people, self.tastes = shoppers(self.rng, self.at), tastes(self.rng)
        self.depot = Depot(self.rng, self.at)
        self._centres = codes(self.people["dc"], DCS)
        self._requests, self._part = 0x2A0000, 0
        self._wait: dict[str, list[pd.DataFrame]] = {}
        _write(folder / "shoppers/all.parquet", self.people)
        self.older = self.trained(without=("days_since", "lift")).model
        self.learn(self.trained(), f"ext-{self.at:%Y.%m.%d}")
        self._export()
        while self.at < self.day:
            self.live(timedelta(days=1))

    @property
    def declared(self) -> Recommender:
        """Its declaration, over this folder."""
        target = self.folder / "recsysops.toml"
        target.write_text(DECLARED.read_text(encoding="utf-8"), encoding="utf-8")
        return load(target, {})

    def trained(self, without: tuple[str, ...] = (), unsold: tuple[str, float] | None = None) -> Trained:
        """The result of a training now."""
        return train(self.rng, self.people, self.tastes, self.depot.served(), without, unsold)

    def learn(self, trained: Trained, version: str) -> None:
        """Put a new model into service; its training reports what it should."""
        said = {
            "mdl": version,
            "finished_at": self.at,
            "n_rows": 36_000,
            "auc": trained.auc,
            "log_loss": trained.loss,
        }
        _write(self.folder / f"trainings/{version}.parquet", pd.DataFrame([said]))
        learned = trained.rows.assign(finished_at=self.at, mdl=version)
        _write(self.folder / f"train_rows/{version}.parquet", learned)
        self.serve(trained.model, version)

    def serve(self, model: Pipeline, version: str) -> None:
        """Serve another model from now on, as its registry says."""
        self.model, self.version = model, version
        for name in ("live", version):
            target = self.folder / f"models/{name}.skops"
            target.parent.mkdir(parents=True, exist_ok=True)
            skops.io.dump(model, target)
        registry = json.dumps({"mdl": version, "since": self.at.isoformat()})
        (self.folder / "models/registry.json").write_text(registry, encoding="utf-8")

    def live(self, span: timedelta) -> None:
        """Serve the requests of a span, and write down what comes of them."""
        begun, end, made = self.at, self.at + span, dict[str, list[pd.DataFrame]]()
        while self.at < end:
            quarter = self.at - (self.at - datetime.min.replace(tzinfo=UTC)) % QUARTER + QUARTER
            upto = min(end, quarter)
            for name, rows in self._served(self.at, upto):
                made.setdefault(name, []).append(rows)
            self.at = upto
            if upto == quarter:
                for name, rows in self._turn():
                    made.setdefault(name, []).append(rows)
        self._part += 1
        for name in sorted({*made, *self._wait}):
            self._settle(name, made.get(name, []), begun)
        current = self.depot.served().goods.drop(columns="appeal")
        _write(self.folder / "assortment/now.parquet", current)
        _write(self.folder / "promos/now.parquet", self.depot.promos)

    def close(self) -> None:
        """Nothing is open."""

    def _turn(self) -> Iterator[tuple[str, pd.DataFrame]]:
        """What happens in a quarter of an hour, what of it is loaded, and a training at night."""
        local = self.at.astimezone(LOCAL)
        self.depot.pass_quarter(self.at)
        if local.hour in EXPORT_HOURS and not local.minute:
            self._export()
        if local.hour == TRAINED_HOUR and not local.minute:
            self.learn(self.trained(), f"ext-{self.at:%Y.%m.%d}")
        if local.hour in FED_HOURS:
            yield from self.depot.load(self.hold, self.at).items()

    def _export(self) -> None:
        exported = self.depot.export(self.hold, self.at)
        _write(self.folder / f"assortment_hist/{self.at:%Y%m%dT%H%M}.parquet", exported)

    def _served(self, start: datetime, end: datetime) -> Iterator[tuple[str, pd.DataFrame]]:
        rng = self.rng
        came = asked(rng, self.people, start, end, self.hold.traffic)
        if not len(came):
            return
        came["req_id"] = [f"q{self._requests + n:08x}" for n in range(len(came))]
        came["seen_at"] = _later(pd.Timestamp(start), came["second"])
        came["centre"] = self._centres[came["who"].to_numpy()]
        came["explore"] = rng.random(len(came)) < EXPLORED
        self._requests += len(came)
        of = self._of(came)
        frame = self._ranked(came, of)
        shown = frame[frame["in_slot"]]
        yield "slots", shown.rename(columns={"rnk": "pos"})[[*_SLOT, "pos", "explore"]]
        logged = np.repeat(rng.random(len(came)) < LOGGED, CANDIDATES)
        yield "cand_log", frame[logged].drop(columns=_HIDDEN).rename(columns={"seen_at": "scored_at"})
        yield "adds", self._added(shown)
        yield from self._ordered(of)

    def _ranked(self, came: pd.DataFrame, of: pd.DataFrame) -> pd.DataFrame:
        """A row for each request and candidate: model input, score and rank, whether it was shown."""
        hold, served, true = self.hold, self.depot.served(), self.depot.shelf()
        picked = retrieved(self.rng, came, served)
        fed = features(came, self.tastes, served, picked)
        likely = features(came, self.tastes, true, picked)
        rows = self._labelled(of, served, picked)
        fed = hold.fed(rows, fed) if hold.fed else fed
        score = scores(hold.served or self.model, fed)
        score = score * hold.score(rows) if hold.score else score
        chance = self.rng.random((len(came), CANDIDATES))
        order = np.where(came["explore"].to_numpy()[:, None], chance, _grid(score))
        kept = ~((rows["dept"] == "alcohol") & (rows["surface"] == "checkout")).to_numpy()
        kept = kept & hold.kept(rows) if hold.kept else kept
        order = np.where(_grid(kept), order, -1.0)
        rank = np.argsort(np.argsort(-order, axis=1), axis=1) + 1
        shown = (rank <= SLOTS[came["surface"].to_numpy()][:, None]) & (order >= 0)
        rows = rows.assign(**{name: fed[name].array for name in FEATURES if name not in rows})
        paid = likely["price_eur"] * (1 - likely["disc_pct"])
        return rows.assign(
            p_buy=score,
            rnk=rank.ravel(),
            in_slot=shown.ravel(),
            mdl=self.version,
            likely=chances(likely),
            paid=paid,
        )

    def _labelled(self, of: pd.DataFrame, served: Shelf, picked: Ints) -> pd.DataFrame:
        """A row for each request and candidate: who, where, and what it belongs to."""
        each, flat = np.repeat(np.arange(len(of)), CANDIDATES), picked.ravel()
        own = of.take(each).reset_index(drop=True)
        names = ("sku", "dept", "supplier", "zone")
        return own.assign(**{name: served.goods[name].array.take(flat) for name in names})

    def _of(self, came: pd.DataFrame) -> pd.DataFrame:
        who = came["who"].to_numpy()
        return pd.DataFrame(
            {
                **{name: came[name] for name in ("seen_at", "req_id")},
                **{name: self.people[name].array.take(who) for name in ("shopper_ref", "cc", "dc")},
                "surface": named(SURFACES, came["surface"]),
                "app": named(APPS, came["app"]),
                "anchor_dept": named(DEPTS, came["anchor"]),
                "explore": came["explore"],
            }
        )

    def _added(self, shown: pd.DataFrame) -> pd.DataFrame:
        """What was put into the basket of what was shown."""
        rng = self.rng
        own = shown[rng.random(len(shown)) < shown["likely"]]
        count = rng.choice([1, 2, 3], len(own), p=[0.78, 0.17, 0.05])
        when = _later(own["seen_at"], rng.gamma(1.5, 14, len(own)))
        rows = own[_SLOT].drop(columns="seen_at")
        return rows.assign(added_at=when, qty=count, value_eur=(own["paid"] * count).round(2))

    def _ordered(self, of: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
        """The baskets ordered soon afterwards, and how they were paid."""
        rng = self.rng
        own = of[(of["surface"] != "swap").to_numpy() & (rng.random(len(of)) < ORDERED)]
        if own.empty:
            return
        own = own.drop(columns=["explore", "anchor_dept", "surface"])
        count = rng.poisson(14, len(own)) + 1
        total = (count * 2.4 * np.exp(rng.normal(0, 0.35, len(own)))).round(2)
        local = own["cc"].map(CURRENCY)
        orders = own.drop(columns="seen_at").assign(
            order_ref="o" + own["req_id"].str[1:],
            placed_at=_later(own["seen_at"], rng.gamma(2, 150, len(own))),
            n_items=count,
            currency=local,
            total=(total * local.map(PER_EUR)).round(2),
            total_eur=total,
        )
        yield "orders", orders
        paid = orders[["order_ref", "cc", "total_eur"]].rename(columns={"total_eur": "amount_eur"})
        method = rng.choice(["card", "wallet", "transfer"], len(orders), p=[0.62, 0.3, 0.08])
        paid = paid.assign(method=method, paid_at=_later(orders["placed_at"], rng.gamma(2, 20, len(orders))))
        yield "payments", paid[rng.random(len(paid)) < 0.96]

    def _settle(self, name: str, made: list[pd.DataFrame], begun: datetime) -> None:
        """Write what has happened by now; what is still to come waits."""
        rows = pd.concat([*self._wait.pop(name, []), *made], ignore_index=True)
        time = _TIMES[name]
        come = rows[time] <= self.at if name in _FEEDS else rows[time] < self.at
        self._wait[name] = [rows[~come]]
        due = rows[come].sort_values(time, kind="stable")
        due = due.assign(placed_at=_in_local_time(due)) if name == "orders" else due
        due = self.hold.rows[name](due) if name in self.hold.rows else due
        if len(due):
            day = f"dt={begun.astimezone(LOCAL):%Y-%m-%d}"
            _write(self.folder / name / day / f"part-{self._part:04d}.parquet", due)


_SLOT = ["seen_at", "req_id", "shopper_ref", "sku", "surface", "app", "cc", "dc", "dept"]
_HIDDEN = ["likely", "paid"]
_FEEDS = ("stock_feed", "price_feed")
_TIMES = {
    "slots": "seen_at",
    "cand_log": "scored_at",
    "adds": "added_at",
    "orders": "placed_at",
    "payments": "paid_at",
    "stock_feed": "loaded_at",
    "price_feed": "loaded_at",
}


def _in_local_time(orders: pd.DataFrame) -> pd.Series[str]:
    """When each order was placed, in local clock time with its offset from UTC."""
    found = pd.Series("", index=orders.index, dtype="str")
    for cc, zone in ZONE.items():
        local = orders.loc[orders["cc"] == cc, "placed_at"].dt.tz_convert(zone)
        text = local.dt.strftime("%Y-%m-%dT%H:%M:%S%z")
        found.loc[text.index] = text.str[:-2] + ":" + text.str[-2:]
    return found


def _later(start: pd.Timestamp | pd.Series[pd.Timestamp], seconds: object) -> pd.Series[pd.Timestamp]:
    """The time so many seconds later."""
    passed = pd.to_timedelta(np.asarray(seconds, float), unit="s").astype("timedelta64[us]")
    return start + pd.Series(passed, index=start.index if isinstance(start, pd.Series) else None)


def _grid(values: npt.NDArray[N]) -> npt.NDArray[N]:
    return values.reshape(-1, CANDIDATES)


def _write(path: Path, rows: pd.DataFrame) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows.to_parquet(path, index=False)
