"""The market of the stays: where they are, who sells them, what they cost, who looks for them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

COUNTRIES, COUNTRY_SHARES = ("MX", "US", "CO", "CR"), np.array([0.4, 0.24, 0.2, 0.16])
CURRENCY: Mapping[str, str] = MappingProxyType({"MX": "MXN", "US": "USD", "CO": "COP", "CR": "CRC"})
PER_USD: Mapping[str, float] = MappingProxyType({"MXN": 18.4, "USD": 1.0, "COP": 3_950.0, "CRC": 505.0})
SUPPLIERS = ("Hosteria", "CasaLink", "Bluebed", "Nomada", "Playa Direct", "Andes Stays")
SUPPLIER_SHARES = np.array([0.26, 0.22, 0.18, 0.14, 0.11, 0.09])
KINDS, KIND_SHARES = ("hotel", "flat", "villa", "hostel", "cabin"), np.array([0.38, 0.3, 0.1, 0.1, 0.12])
KIND_USD = np.array([105.0, 80, 230, 27, 95])
KIND_KM = np.array([2.5, 3.5, 11, 2, 24])
LANGUAGES, LANGUAGE_SHARES = ("es", "en", "pt"), np.array([0.58, 0.29, 0.13])
CLUSTERS, CLUSTER_SHARES = ("mx-central", "us-south", "sa-east"), np.array([0.52, 0.3, 0.18])
STAYS, GUESTS, WIDTH, NEW_A_DAY = 560, 7_000, 4, 3
TASTE = tuple(f"taste_{n}" for n in range(WIDTH))
NEW_FOR = timedelta(days=7)

_CENTRES = np.random.default_rng(77).normal(size=(len(KINDS), WIDTH))


def guests(rng: np.random.Generator, at: datetime) -> pd.DataFrame:
    """Everybody with an account, one row each; their taste is a unit vector."""
    joined = [at - timedelta(days=float(days)) for days in rng.uniform(0, 1_200, GUESTS)]
    likes = rng.choice(len(KINDS), GUESTS, p=KIND_SHARES)
    taste = _unit(_CENTRES[likes] + rng.normal(0, 0.9, (GUESTS, WIDTH)))
    return pd.DataFrame(
        {
            "guest_id": np.arange(GUESTS) * 17 + 300_011,
            "language": np.array(LANGUAGES, object)[rng.choice(3, GUESTS, p=LANGUAGE_SHARES)],
            "cluster": np.array(CLUSTERS, object)[rng.choice(3, GUESTS, p=CLUSTER_SHARES)],
            "loyalty": rng.choice([0, 1, 2, 3], GUESTS, p=[0.6, 0.22, 0.12, 0.06]),
            "budget_usd": np.exp(rng.normal(4.45, 0.5, GUESTS)).round(0),
            "joined_at": pd.to_datetime(joined).astype("datetime64[us, UTC]"),
            **{name: taste[:, n] for n, name in enumerate(TASTE)},
        }
    )


def stays(rng: np.random.Generator, count: int, first: int, at: datetime, oldest: float) -> pd.DataFrame:
    """Places listed within so many days before `at`, one row each; `vec` is a unit vector."""
    kind = rng.choice(len(KINDS), count, p=KIND_SHARES)
    country = np.array(COUNTRIES, object)[rng.choice(4, count, p=COUNTRY_SHARES)]
    usd = KIND_USD[kind] * np.exp(rng.normal(0, 0.35, count)) * np.where(country == "US", 1.5, 1.0)
    currency = np.array([CURRENCY[name] for name in country], object)
    score = np.clip(rng.normal(4.3, 0.35, count), 1, 5).round(2)
    listed = [at - timedelta(days=float(days)) for days in rng.uniform(0, oldest, count)]
    appeal = rng.gamma(2.4, 1.0, count)
    return pd.DataFrame(
        {
            "stay_id": np.arange(first, first + count),
            "name": [f"{KINDS[k].title()} {first + n}" for n, k in enumerate(kind)],
            "country": country,
            "supplier": np.array(SUPPLIERS, object)[rng.choice(6, count, p=SUPPLIER_SHARES)],
            "kind": np.array(KINDS, object)[kind],
            "badge": np.full(count, "none", object),
            "currency": currency,
            "price": (usd * [PER_USD[name] for name in currency]).round(2),
            "distance_km": (KIND_KM[kind] * np.exp(rng.normal(0, 0.6, count))).round(2),
            "review_score": np.where(rng.random(count) < 0.08, np.nan, score),
            "free_nights": rng.binomial(30, 0.55, count).astype(float),
            "booked_7d": rng.poisson(appeal * 2.2).astype(float),
            "listed_at": pd.to_datetime(listed).astype("datetime64[us, UTC]"),
            "vec": list(_unit(_CENTRES[kind] + rng.normal(0, 0.7, (count, WIDTH))).round(4)),
            "appeal": appeal,
        }
    )


def badges(listed: pd.DataFrame, at: datetime) -> pd.Series[str]:
    """The badge on each place's picture: new, top, or none."""
    new = (listed["listed_at"] > pd.Timestamp(at - NEW_FOR)).to_numpy()
    top = (listed["review_score"] >= 4.7).to_numpy()
    return pd.Series(np.where(new, "new", np.where(top, "top", "none")), listed.index, dtype=object)


def usd(listed: pd.DataFrame) -> Floats:
    """Prices in US dollars."""
    return np.asarray(listed["price"] / listed["currency"].map(PER_USD), float)


def _unit(drawn: Floats) -> Floats:
    return np.asarray(drawn / np.linalg.norm(drawn, axis=1, keepdims=True), float)
