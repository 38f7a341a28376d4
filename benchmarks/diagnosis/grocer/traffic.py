"""When the grocer is asked for extras: by the hour in each country, by weekday, and never at night."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from benchmarks.diagnosis.grocer.market import COUNTRIES, DEPTS, Floats

QUARTER = timedelta(minutes=15)
ZONE: Mapping[str, ZoneInfo] = MappingProxyType(
    {
        "PL": ZoneInfo("Europe/Warsaw"),
        "CZ": ZoneInfo("Europe/Prague"),
        "RO": ZoneInfo("Europe/Bucharest"),
    }
)
LOCAL = ZONE["PL"]
OPENS, CLOSES = 7, 23
WORKDAY = np.array([4, 7, 8, 9, 17, 27, 17, 8, 8, 11, 21, 29, 25, 15, 8, 4, 2], float)
WEEKEND = np.array([2, 5, 11, 18, 23, 25, 22, 17, 15, 17, 22, 26, 24, 16, 9, 5, 2], float)
"""Requests a minute of all countries together, at each full hour from opening to closing."""

COUNTRY_SHARES: Mapping[str, float] = MappingProxyType({"PL": 0.52, "CZ": 0.29, "RO": 0.19})
BY_WEEKDAY = (0.95, 0.93, 0.96, 1.0, 1.15, 1.15, 1.0)
SURFACES, SURFACE_SHARES = ("basket", "checkout", "swap"), np.array([0.55, 0.27, 0.18])
APPS, APP_SHARES = ("android", "ios", "web"), np.array([0.47, 0.31, 0.22])
MORNING = np.array([3.0, 2.6, 1.6, 0.9, 0.5, 0.6, 0.9, 0.1, 0.8])
NOON = np.array([1.2, 0.9, 1.0, 0.7, 2.6, 1.2, 1.4, 0.2, 0.6])
EVENING = np.array([0.8, 1.1, 1.3, 1.6, 1.4, 1.6, 1.3, 1.4, 0.8])
"""The department of what was last put into the basket."""


def rate(cc: str, at: datetime) -> float:
    """Requests a minute in a country."""
    local = at.astimezone(ZONE[cc])
    hour = local.hour + local.minute / 60
    if not OPENS <= hour < CLOSES:
        return 0.0
    curve = WEEKEND if local.weekday() >= 5 else WORKDAY
    level = float(np.interp(hour, np.arange(OPENS, CLOSES + 1), curve))
    return level * COUNTRY_SHARES[cc] * BY_WEEKDAY[local.weekday()]


def asked(
    rng: np.random.Generator,
    people: pd.DataFrame,
    start: datetime,
    end: datetime,
    traffic: Mapping[str, float],
) -> pd.DataFrame:
    """
    A row for each request of [start, end), which lies within one quarter of an hour.

    Args:
        traffic: factors by country or by distribution centre; where none is given, as usual.
    """
    found = list[pd.DataFrame]()
    minutes = (end - start) / timedelta(minutes=1)
    for cc in COUNTRIES:
        own = people[people["cc"] == cc]
        usual = rate(cc, start + (end - start) / 2) * minutes
        if not usual:
            continue
        weights = np.full(len(own), traffic.get(cc, 1.0))
        for dc in [name for name in traffic if name not in COUNTRIES]:
            weights[(own["dc"] == dc).to_numpy()] *= traffic[dc]
        mean = usual * weights.mean()
        count = rng.poisson(mean * rng.gamma(300, 1 / 300))
        who = own.index.to_numpy()[rng.choice(len(own), count, p=weights / weights.sum())]
        seconds = rng.uniform(0, minutes * 60, count)
        mix = _mix(start.astimezone(ZONE[cc]).hour)
        found.append(
            pd.DataFrame(
                {
                    "second": seconds,
                    "who": who,
                    "surface": rng.choice(len(SURFACES), count, p=SURFACE_SHARES),
                    "app": rng.choice(len(APPS), count, p=APP_SHARES),
                    "anchor": rng.choice(len(DEPTS), count, p=mix / mix.sum()),
                }
            )
        )
    if not found:
        return pd.DataFrame()
    return pd.concat(found, ignore_index=True).sort_values("second", ignore_index=True)


def _mix(hour: int) -> Floats:
    return MORNING if hour < 11 else NOON if hour < 15 else EVENING
