"""
A greengrocer's hourly orders, with nights, weekends and four shops, one of which loses most of its orders.

Eight weeks precede the incident, and the trial may read all of them. Nobody who judges a follow-up sees what
comes after: a quiet fortnight, and then the same fault at another shop.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(weeks=1)
START = datetime(2026, 1, 5, tzinfo=UTC)  # a Monday
FAULT_AT = START + 8 * WEEK + DAY + 10 * HOUR + timedelta(minutes=20)
LASTS, LEFT = 20 * HOUR, 0.25
QUIET_UNTIL = FAULT_AT + 2 * DAY + 2 * WEEK
AGAIN_AT = QUIET_UNTIL + DAY
END = AGAIN_AT + LASTS
SHOPS, CHANNELS = ("harbour", "hill", "station", "park"), ("till", "web")
AN_HOUR = 240
CLOSED = (2, 3)  # hours of the night without any order
WEEKEND = 1.6

DECLARED = """\
[recommender]
name = "greengrocer"

[tables.orders]
path = "orders.parquet"
time = "ordered_at"
window = "1h"
dimensions = ["shop", "channel"]

[checks.orders_volume]
kind = "volume"
table = "orders"
window = "6h"
history = "28d"

[follow_ups]
apply = "write"
"""


def write(folder: Path) -> pd.DataFrame:
    """Write the table as Parquet; returns its rows, too."""
    chance = np.random.default_rng(8)
    hours = np.repeat(np.arange(int((END - START) / HOUR)), round(AN_HOUR * WEEKEND * 1.5))
    hours = hours[chance.random(len(hours)) < _busy(hours) / (WEEKEND * 1.5)]
    at = pd.DatetimeIndex(START + pd.to_timedelta((hours + chance.random(len(hours))) * 3600, unit="s"))
    rows = pd.DataFrame(
        {
            "ordered_at": at.as_unit("us"),
            "shop": chance.choice(SHOPS, len(hours), p=[0.4, 0.3, 0.2, 0.1]),
            "channel": chance.choice(CHANNELS, len(hours)),
            "euros": np.round(chance.lognormal(3.0, 0.5, len(hours)), 2),
        }
    ).sort_values("ordered_at", ignore_index=True)
    lost = np.zeros(len(rows), dtype=bool)
    for begins, shop in ((FAULT_AT, "harbour"), (AGAIN_AT, "hill")):
        inside = (rows["ordered_at"] >= begins) & (rows["ordered_at"] < begins + LASTS)
        lost |= (inside & (rows["shop"] == shop)).to_numpy() & (chance.random(len(rows)) > LEFT)
    kept = rows[~lost].reset_index(drop=True)
    kept.to_parquet(folder / "orders.parquet")
    return kept


def _busy(hours: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """(n,) how busy each hour is: 1 on the average weekday's noon and night taken together, 0 when closed."""
    day, hour = hours // 24 % 7, hours % 24
    shape = 1.0 + 0.5 * np.sin(2 * np.pi * (hour - 8) / 24)
    shape = np.where(np.isin(hour, CLOSED), 0.0, shape)
    return np.asarray(shape * np.where(day >= 5, WEEKEND, 1.0))
