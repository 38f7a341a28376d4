"""When people search for places: by day in Mexico City, most of all before a weekend."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from benchmarks.diagnosis.stays.market import COUNTRIES, LANGUAGES

LOCAL = ZoneInfo("America/Mexico_City")
BY_HOUR = np.array(
    [0.6, 0.5, 0.4, 0.4, 0.4, 0.6, 1, 3, 6, 9, 12, 13, 13, 12, 10, 10, 10, 11, 13, 15, 16, 12, 6, 2, 0.6]
)
"""Requests a minute at each full hour; the last hour's are those of the first."""

BY_WEEKDAY = (0.8, 0.82, 0.97, 1.3, 1.4, 0.95, 0.75)
DEVICES, DEVICE_SHARES = ("phone", "tablet", "desktop"), np.array([0.62, 0.08, 0.3])
APPS, APP_SHARES = ("9.4", "9.5", "9.6"), np.array([0.17, 0.33, 0.5])
WANTED = np.array([[0.6, 0.12, 0.16, 0.12], [0.24, 0.5, 0.08, 0.18], [0.3, 0.3, 0.28, 0.12]])
"""The country searched for, by language."""


def rate(at: datetime) -> float:
    """Requests a minute."""
    local = at.astimezone(LOCAL)
    hour = local.hour + local.minute / 60
    return float(np.interp(hour, np.arange(25), BY_HOUR)) * BY_WEEKDAY[local.weekday()]


def asked(
    rng: np.random.Generator,
    people: pd.DataFrame,
    start: datetime,
    end: datetime,
    more: Mapping[str, float],
) -> pd.DataFrame:
    """
    A row for each request of [start, end), which lies within one hour.

    Args:
        more: factors by country; where none is given, as usual.
    """
    minutes = (end - start).total_seconds() / 60
    usual = rate(start + (end - start) / 2) * minutes * rng.gamma(250, 1 / 250)
    most = max(1.0, *more.values()) if more else 1.0
    count = int(rng.poisson(usual * most))
    who = rng.integers(0, len(people), count)
    spoken = pd.Index(LANGUAGES).get_indexer(pd.Index(people["language"].to_numpy()[who]))
    where = (rng.random(count)[:, None] > np.cumsum(WANTED, axis=1)[spoken]).sum(axis=1).clip(0, 3)
    device = rng.choice(3, count, p=DEVICE_SHARES)
    app = np.array(APPS, object)[rng.choice(3, count, p=APP_SHARES)]
    local = start.astimezone(LOCAL)
    to_weekend = (4 - local.weekday()) % 7
    weekend = rng.random(count) < 0.45
    found = pd.DataFrame(
        {
            "second": rng.uniform(0, minutes * 60, count),
            "who": who,
            "to": where,
            "device": np.array(DEVICES, object)[device],
            "app_version": np.where(device == 2, "web", app),
            "lead_days": np.where(weekend, to_weekend, rng.geometric(0.04, count)).astype(float),
            "nights": rng.choice([1, 2, 3, 5, 7], count, p=[0.2, 0.38, 0.22, 0.12, 0.08]),
        }
    )
    wanted = np.array([more.get(name, 1.0) for name in COUNTRIES]) / most
    kept: pd.DataFrame = found[rng.random(count) < wanted[where]]
    return kept.sort_values("second", ignore_index=True)
