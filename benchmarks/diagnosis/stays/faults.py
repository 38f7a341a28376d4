"""What goes wrong with the stays: fifteen faults, and four events of the world."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

import numpy as np
import pandas as pd

from benchmarks.diagnosis.case import BEFORE, Strike
from benchmarks.diagnosis.judge import Truth
from benchmarks.diagnosis.stays.hold import Hold, Served
from benchmarks.diagnosis.stays.market import (
    CLUSTERS,
    COUNTRIES,
    CURRENCY,
    KINDS,
    LANGUAGES,
    SUPPLIERS,
    stays,
)
from benchmarks.diagnosis.stays.ranker import VEC, vectors
from benchmarks.diagnosis.stays.site import Site
from benchmarks.diagnosis.stays.traffic import APPS
from domain.values import slice_of

T = TypeVar("T")
Drawn = tuple[Truth, str, Hold]
Draw = Callable[[np.random.Generator, Site], Drawn]
AFTER = timedelta(hours=2)  # later findings do not count

MODEL = "stay_ranker"
MOMENTS = (9.5, 20.0)  # of the day, in hours
ANY, PRICED, EXPORTED = 1, 60, 120  # minutes
COUNTED = 9 * 60 + 59  # of the day: a minute before free nights are loaded
RENAMED = {"cabin": "lodge", "flat": "apartment", "hostel": "shared_house"}
KM_PER_MILE = 1.609344
NEW = (slice_of(badge="new"),)


class StaysWorld(Site):
    """The site with what can go wrong in it."""

    branched = False

    def branch(self, folder: Path, name: str, seed: int) -> None:
        """Go on in a copy of its tables, to eight minutes before a moment drawn by kind and seed."""
        shutil.copytree(self.folder, folder)
        self.folder, self.store = folder, self.store.copied(f"{self.store.name}_{name}")
        self.branched = True
        kind = CASES[name]
        hours = float(np.random.default_rng([seed, *name.encode()]).uniform(*MOMENTS))
        minutes = round(hours * 60 / kind.every) * kind.every - (kind.every > ANY)
        minutes = minutes if kind.at is None else kind.at
        self.live((self.day + timedelta(minutes=minutes)).astimezone(UTC) - BEFORE - self.at)

    def strike(self, name: str, seed: int) -> Strike:
        """Make something go wrong, or change the world."""
        rng, kind = np.random.default_rng([seed, list(CASES).index(name)]), CASES[name]
        truth, size, self.hold = kind.draw(rng, self)
        return Strike(truth, size, self.at, kind.arrives, kind.planned)

    def close(self) -> None:
        """Drop its database; the past is left for others."""
        if self.branched:
            self.store.drop()


@dataclass(frozen=True)
class Kind:
    """
    One kind of fault or event.

    Attributes:
        every: its cause is loaded at this interval; it strikes a minute before.
        at: the minute of the day, where it comes with what is loaded once.
        planned: the length for which it was announced.
        arrives: it is about when rows come: rows under an earlier time fill windows already looked at.
    """

    draw: Draw
    every: int = ANY
    at: int | None = None
    planned: timedelta | None = None
    arrives: bool = False


def _one(rng: np.random.Generator, values: tuple[T, ...]) -> T:
    return values[int(rng.integers(len(values)))]


def _of(frame: pd.DataFrame, share: float, salt: int = 0) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Rows of this share of the requests, the same requests in every table."""
    drawn = (frame["request_id"].to_numpy(np.int64) * 2_654_435_761 + salt) % 1_000_003
    return np.asarray(drawn < share * 1_000_003)


def _price_in_cents(rng: np.random.Generator, site: Site) -> Drawn:
    country = _one(rng, COUNTRIES)
    currency = CURRENCY[country]

    def priced(rows: pd.DataFrame) -> pd.DataFrame:
        return rows.assign(price=rows["price"].where(rows["currency"] != currency, rows["price"] * 100))

    places = (slice_of(currency=currency), slice_of(country=country))
    truth = Truth("feature", ("price_usd", "price", "over_budget"), places)
    return truth, f"{currency} × 100", Hold(priced=priced)


def _nights_halved(rng: np.random.Generator, site: Site) -> Drawn:
    supplier = _one(rng, SUPPLIERS)

    def counted(rows: pd.DataFrame) -> pd.DataFrame:
        return rows[(rows["supplier"] != supplier) | (rows["stay_id"] * 7 % 10 < 5)]

    truth = Truth("feed", ("availability_feed", "free_nights"), (slice_of(supplier=supplier),))
    return truth, "half of its rows do not come", Hold(counted=counted)


def _score_unset(rng: np.random.Generator, site: Site) -> Drawn:
    def exported(rows: pd.DataFrame) -> pd.DataFrame:
        return rows.assign(review_score=rows["review_score"].mask(rows["badge"] == "new"))

    return Truth("feature", ("review_score",), NEW), "of what was listed last week", Hold(exported=exported)


def _renamed(rng: np.random.Generator, site: Site) -> Drawn:
    old, new = _one(rng, tuple(RENAMED.items()))

    def exported(rows: pd.DataFrame) -> pd.DataFrame:
        return rows.assign(kind=rows["kind"].replace(old, new))

    truth = Truth(
        "renaming", ("kind", "catalogue", "stays", old, new), (slice_of(kind=old), slice_of(kind=new))
    )
    return truth, f"{old} is {new}", Hold(exported=exported)


def _doubled(rng: np.random.Generator, site: Site) -> Drawn:
    app, share = _one(rng, APPS), float(rng.uniform(0.5, 1.0))

    def written(rows: pd.DataFrame) -> pd.DataFrame:
        again = (rows["app_version"] == app).to_numpy() & _of(rows, share)
        return pd.concat([rows, rows[again]])

    truth = Truth("duplicate", ("impressions",), (slice_of(app_version=app),))
    return truth, f"{share:.0%} of the rows again", Hold(rows={"impressions": written})


def _hour_early(rng: np.random.Generator, site: Site) -> Drawn:
    country = _one(rng, COUNTRIES)

    def written(rows: pd.DataFrame) -> pd.DataFrame:
        early = rows["booked_at"] - timedelta(hours=1)
        return rows.assign(booked_at=rows["booked_at"].where(rows["country"] != country, early))

    truth = Truth("time_shift", ("bookings", "booked_at"), (slice_of(country=country),))
    return truth, "an hour early", Hold(rows={"bookings": written})


def _language_dropped(rng: np.random.Generator, site: Site) -> Drawn:
    language, share = _one(rng, LANGUAGES), float(rng.uniform(0.75, 1.0))
    site.release("retrieval")

    def fetched(rows: pd.DataFrame) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        drawn = (
            rows["request_id"].to_numpy(np.int64) * 40_503 + rows["stay_id"].to_numpy(np.int64) * 977
        ) % 1_009
        return np.asarray(~((rows["language"] == language).to_numpy() & (drawn < share * 1_009)))

    truth = Truth("filter", (), (slice_of(language=language),), also=("serving",))
    return truth, f"{share:.0%} of its candidates are not found", Hold(fetched=fetched)


def _older_file(rng: np.random.Generator, site: Site) -> Drawn:
    truth = Truth("model", (site.version, MODEL))
    return truth, "an older one under the registered version", Hold(served=Served(site.older, site.version))


def _older_in_cluster(rng: np.random.Generator, site: Site) -> Drawn:
    cluster, version = _one(rng, CLUSTERS), f"w2026{int(rng.integers(30, 40))}"
    site.keep(site.older, version)
    truth = Truth("model", (version, MODEL, site.version), (slice_of(cluster=cluster),))
    return truth, "the weights of an older version", Hold(served=Served(site.older, version, cluster))


def _turned_round(rng: np.random.Generator, site: Site) -> Drawn:
    site.flag("reversed_list", "phone", "on")
    truth = Truth("serving", (MODEL, "score", "rank", "reversed_list"), (slice_of(device="phone"),))
    return (
        truth,
        "a flag shows the worst first",
        Hold(turned=lambda rows: (rows["device"] == "phone").to_numpy()),
    )


def _labels_lost(rng: np.random.Generator, site: Site) -> Drawn:
    country, share = _one(rng, COUNTRIES), float(rng.uniform(0.8, 1.0))
    site.learn(site.trained(lost=(country, share)), f"{site.version}b")
    truth = Truth("training_data", ("train_rows", "booked"), (slice_of(country=country),))
    return truth, f"{share:.0%} of its bookings were none to it", Hold()


def _sampled_down(rng: np.random.Generator, site: Site) -> Drawn:
    left = float(rng.uniform(0.15, 0.5))
    truth = Truth("logging", ("candidates",))
    hold = Hold(rows={"candidates": lambda rows: rows[_of(rows, left, 17)]})
    return truth, f"{left * 10:.1f}% of the requests are logged, not 10%", hold


def _vectors_zero(rng: np.random.Generator, site: Site) -> Drawn:
    def exported(rows: pd.DataFrame) -> pd.DataFrame:
        known = (rows["badge"] != "new").to_numpy()
        return rows.assign(vec=list(vectors(rows["vec"]) * known[:, None]))

    return (
        Truth("feature", ("match", "vec", *VEC), NEW),
        "vectors of new places are 0",
        Hold(exported=exported),
    )


def _supplier_blocked(rng: np.random.Generator, site: Site) -> Drawn:
    supplier = _one(rng, SUPPLIERS)
    truth = Truth("filter", (), (slice_of(supplier=supplier),))
    return truth, "never shown", Hold(kept=lambda rows: (rows["supplier"] != supplier).to_numpy())


def _in_miles(rng: np.random.Generator, site: Site) -> Drawn:
    country = _one(rng, COUNTRIES)

    def exported(rows: pd.DataFrame) -> pd.DataFrame:
        there, km = rows["country"] == country, rows["distance_km"]
        return rows.assign(distance_km=km.mask(there, (km / KM_PER_MILE).round(2)))

    truth = Truth("feature", ("distance_km",), (slice_of(country=country),))
    return truth, "miles for km", Hold(exported=exported)


def _long_weekend(rng: np.random.Generator, site: Site) -> Drawn:
    times = float(rng.uniform(1.5, 2.2))
    return Truth("world"), f"× {times:.1f} requests for MX", Hold(more={"MX": times})


def _campaign(rng: np.random.Generator, site: Site) -> Drawn:
    country, kind = _one(rng, COUNTRIES), _one(rng, KINDS[:3])
    there = (site.true["country"] == country) & (site.true["kind"] == kind)
    site.true["price"] = site.true["price"].mask(there, (site.true["price"] * 0.7).round(2))
    return Truth("world"), f"30% off {kind} in {country}, × 1.5 requests", Hold(more={country: 1.5})


def _supplier_launch(rng: np.random.Generator, site: Site) -> Drawn:
    fresh = stays(rng, 70, 9_001, site.at, 0.1)
    site.add(fresh.assign(supplier="Grupo Maya", badge="new", booked_7d=0.0))
    return Truth("world"), "70 places of a new supplier", Hold()


def _backfill(rng: np.random.Generator, site: Site) -> Drawn:
    count, country = int(rng.integers(200, 400)), _one(rng, COUNTRIES)
    own = (
        site.listed[site.listed["country"] == country]
        .sample(count, replace=True, random_state=rng)
        .reset_index(drop=True)
    )
    ago = pd.to_timedelta(rng.uniform(1, 48, count), unit="h").astype("timedelta64[us]")
    rows = own.assign(
        booked_at=pd.Series(pd.Timestamp(site.at), own.index) - pd.Series(ago, own.index),
        booking_id=7_000_000 + np.arange(count),
        request_id=None,
        guest_id=site.people["guest_id"].to_numpy()[rng.integers(0, len(site.people), count)],
        language=_one(rng, LANGUAGES[:2]),
        device="desktop",
        app_version="web",
        nights=2,
        value_usd=180.0,
    )
    site.wait.setdefault("bookings", []).append(rows)
    return Truth("world"), f"{count} bookings by telephone of two days in {country} are loaded", Hold()


CASES: Mapping[str, Kind] = MappingProxyType(
    {
        "price_in_cents": Kind(_price_in_cents, PRICED),
        "nights_halved": Kind(_nights_halved, at=COUNTED),
        "review_score_unset": Kind(_score_unset, EXPORTED),
        "kind_renamed": Kind(_renamed, EXPORTED),
        "impressions_doubled": Kind(_doubled),
        "bookings_hour_early": Kind(_hour_early, arrives=True),
        "language_dropped": Kind(_language_dropped),
        "older_file": Kind(_older_file),
        "older_in_cluster": Kind(_older_in_cluster),
        "turned_round": Kind(_turned_round),
        "labels_lost": Kind(_labels_lost),
        "sampled_down": Kind(_sampled_down),
        "vectors_zero": Kind(_vectors_zero, EXPORTED),
        "supplier_blocked": Kind(_supplier_blocked),
        "distance_in_miles": Kind(_in_miles, EXPORTED),
        "long_weekend": Kind(_long_weekend),
        "campaign": Kind(_campaign, planned=timedelta(hours=3)),
        "supplier_launch": Kind(_supplier_launch, EXPORTED),
        "backfill": Kind(_backfill, planned=timedelta(hours=1), arrives=True),
    }
)
INNOCENT = ("long_weekend", "campaign", "supplier_launch", "backfill")
