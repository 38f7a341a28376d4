"""
The grocer's market: who shops where, what is sold in which country at which price, what goes with what.

Each country has goods of its own. Prices are in its currency; shelf lives and ages are in days.
"""

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

COUNTRIES = ("PL", "CZ", "RO")
CURRENCY: Mapping[str, str] = MappingProxyType({"PL": "PLN", "CZ": "CZK", "RO": "RON"})
PER_EUR: Mapping[str, float] = MappingProxyType({"PLN": 4.27, "CZK": 25.1, "RON": 4.97})
DCS = ("waw", "krk", "gdn", "prg", "brn", "buh", "clj")
DC_COUNTRY = ("PL", "PL", "PL", "CZ", "CZ", "RO", "RO")
DC_SHARES = np.array([0.26, 0.16, 0.1, 0.2, 0.09, 0.13, 0.06])
DEPTS = ("bakery", "dairy", "produce", "meat", "ready_meals", "snacks", "drinks", "alcohol", "household")
DEPT_SHARES = np.array([0.1, 0.15, 0.14, 0.1, 0.1, 0.14, 0.12, 0.07, 0.08])
DEPT_EUR = np.array([1.4, 1.9, 1.8, 4.6, 4.2, 2.1, 1.7, 8.5, 4.4])
DEPT_DAYS = np.array([3.0, 14, 6, 7, 9, 120, 180, 400, np.nan])
COLD = np.array([0.0, 1.0, 0.4, 1.0, 1.0, 0.0, 0.1, 0.0, 0.0])  # how much of a department is cooled
FROZEN = np.array([0.15, 0.05, 0.2, 0.3, 0.45, 0, 0, 0, 0])  # … and of that, is frozen
ZONES = ("ambient", "chilled", "frozen")
SUPPLIERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "PL": ("Mazowiak", "Dobra Ziemia", "Baltyk Trade", "Zagroda", "Own Label PL"),
        "CZ": ("Vltava Foods", "Selska", "Hradec", "Morava Fresh", "Own Label CZ"),
        "RO": ("Carpati", "Dunarea", "Gospodarul", "Campia", "Own Label RO"),
    }
)
SUPPLIER_SHARES = np.array([0.28, 0.22, 0.2, 0.14, 0.16])
SHOPPERS, GOODS = 9_000, 160  # all shoppers, the goods of each country
PROMOTED, PROMO_DAYS = 0.1, 5

# What else goes into a basket beside something from the row's department.
LIFT = np.array(
    [
        [0.9, 1.6, 0.8, 1.0, 0.3, 0.5, 0.7, 0.2, 0.3],
        [1.6, 1.0, 0.9, 0.6, 0.4, 0.6, 0.6, 0.2, 0.3],
        [0.8, 1.0, 1.3, 1.4, 0.4, 0.4, 0.6, 0.3, 0.4],
        [1.0, 0.7, 1.5, 1.0, 0.4, 0.5, 0.7, 0.9, 0.3],
        [0.4, 0.5, 0.5, 0.3, 1.2, 1.1, 1.5, 0.9, 0.2],
        [0.3, 0.4, 0.3, 0.3, 0.8, 1.3, 1.7, 1.4, 0.3],
        [0.4, 0.5, 0.4, 0.4, 1.1, 1.5, 1.0, 0.8, 0.4],
        [0.3, 0.3, 0.5, 0.9, 0.8, 1.8, 0.9, 1.1, 0.2],
        [0.5, 0.6, 0.5, 0.4, 0.4, 0.6, 0.6, 0.2, 1.6],
    ]
)


def shoppers(rng: np.random.Generator, at: datetime) -> pd.DataFrame:
    """Everybody with an account, one row each."""
    dc = rng.choice(len(DCS), SHOPPERS, p=DC_SHARES)
    since = [at - timedelta(days=float(days)) for days in rng.uniform(0, 1_400, SHOPPERS)]
    return pd.DataFrame(
        {
            "shopper_ref": [f"s_{n * 7_919 % 1_000_003:06d}" for n in range(1, SHOPPERS + 1)],
            "cc": np.array(DC_COUNTRY)[dc],
            "dc": np.array(DCS)[dc],
            "household_size": rng.choice([1, 2, 3, 4, 5], SHOPPERS, p=[0.28, 0.31, 0.19, 0.16, 0.06]),
            "plus": rng.random(SHOPPERS) < 0.22,
            "since": pd.to_datetime(since).astype("datetime64[us, UTC]"),
        }
    )


def tastes(rng: np.random.Generator) -> Floats:
    """(shoppers, departments) how much of a shopper's spending goes to each, the largest being 1."""
    drawn = rng.dirichlet(DEPT_SHARES * 9, SHOPPERS)
    return np.asarray((drawn / drawn.max(axis=1, keepdims=True)).round(3), float)


def goods(
    rng: np.random.Generator, cc: str, count: int, first: int, at: datetime, oldest: float
) -> pd.DataFrame:
    """Goods of a country, listed within so many days before `at`."""
    dept = rng.choice(len(DEPTS), count, p=DEPT_SHARES)
    eur = DEPT_EUR[dept] * np.exp(rng.normal(0, 0.4, count))
    cold = rng.random(count) < COLD[dept]
    zone = np.where(cold, np.where(rng.random(count) < FROZEN[dept], 2, 1), 0)
    days = np.where(zone == 2, 150, DEPT_DAYS[dept]) * np.exp(rng.normal(0, 0.3, count))
    rating = np.clip(rng.normal(4.1, 0.45, count), 1, 5).round(1)
    appeal = rng.gamma(2.2, 1.0, count)
    listed = [at - timedelta(days=float(days)) for days in rng.uniform(0, oldest, count)]
    named = np.array(DEPTS)[dept]
    return pd.DataFrame(
        {
            "sku": [f"{cc}-{first + n}" for n in range(count)],
            "label": [f"{name.replace('_', ' ')} {first + n}" for n, name in enumerate(named)],
            "cc": cc,
            "dept": named,
            "supplier": np.array(SUPPLIERS[cc])[rng.choice(5, count, p=SUPPLIER_SHARES)],
            "zone": np.array(ZONES)[zone],
            "currency": CURRENCY[cc],
            "price": (eur * PER_EUR[CURRENCY[cc]]).round(2),
            "rating_avg": np.where(rng.random(count) < 0.12, np.nan, rating),
            "shelf_days": np.where(rng.random(count) < 0.03, np.nan, days.round(0)),
            "pop_7d": rng.poisson(appeal * 9).astype(float),
            "listed_at": pd.to_datetime(listed).astype("datetime64[us, UTC]"),
            "appeal": appeal,
        }
    )


def promos(
    rng: np.random.Generator, running: pd.DataFrame, sold: pd.DataFrame, at: datetime, first: int
) -> pd.DataFrame:
    """The promotions of a day: those that continue, and new ones in place of those that ended."""
    goes_on = running[running["ends_at"] > at]
    free = sold[~sold["sku"].isin(goes_on["sku"])]
    count = max(int(PROMOTED * len(sold)) - len(goes_on), 0)
    chosen = free.iloc[np.sort(rng.choice(len(free), min(count, len(free)), replace=False))]
    days = [timedelta(days=int(days)) for days in rng.integers(2, PROMO_DAYS + 3, len(chosen))]
    off = rng.choice([0.1, 0.15, 0.2, 0.3], len(chosen))
    return pd.concat([goes_on, promoted(chosen, off, at, days, first)], ignore_index=True)


def promoted(
    chosen: pd.DataFrame, off: Floats, at: datetime, days: list[timedelta], first: int
) -> pd.DataFrame:
    """A promotion for each of the chosen goods."""
    return pd.DataFrame(
        {
            "promo_id": [f"pr{first + n}" for n in range(len(chosen))],
            "sku": chosen["sku"].to_numpy(),
            "cc": chosen["cc"].to_numpy(),
            "disc_pct": off,
            "starts_at": pd.Series([at] * len(chosen), dtype="datetime64[us, UTC]"),
            "ends_at": pd.Series([at + length for length in days], dtype="datetime64[us, UTC]"),
        }
    )
