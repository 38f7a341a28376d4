"""Made-up tables of counts with a known truth, from a seed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from domain.detection.data.counts import Counts, counts_of
from domain.detection.data.window import Grid, grid_until

END = datetime(2026, 3, 2, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
COUNTRIES = {"France": 0.1, "Denmark": 0.05, "Spain": 0.25, "Italy": 0.2, "Poland": 0.4}
DEVICES = {"tv": 0.5, "mobile": 0.3, "web": 0.2}


def grid(width: timedelta, windows: int, end: datetime = END) -> Grid:
    return grid_until(end, width, (windows - 1) * width, ZoneInfo("UTC"))


def totals(values: np.ndarray, width: timedelta) -> Counts:
    where = grid(width, len(values))
    frame = pd.DataFrame({"window": np.arange(len(values)), "rows": values.astype(float)})
    return counts_of(frame.assign(dim1=None, val1=None, dim2=None, val2=None), where)


def weekly(days: int, seed: int, level: float = 500.0) -> np.ndarray:
    """Daily totals with a weekly shape, as noisy as a real feed's."""
    chance = np.random.default_rng(seed)
    shape = np.array([1.1, 0.8, 0.75, 0.8, 0.9, 1.25, 1.4])
    mean = level * shape[np.arange(days) % 7] * chance.lognormal(0, 0.08, days)
    return chance.poisson(mean)


def cube(
    windows: int, per_window: float, seed: int, fault: dict[tuple[str, str], float] | None = None
) -> Counts:
    """
    Impressions by country and device, one and two ways; in the last window the cells named in `fault` (a `*`
    stands for any) keep only that part of their rows.
    """
    chance = np.random.default_rng(seed)
    rows: list[tuple[int, str | None, str | None, str | None, str | None, float]] = []
    for window in range(windows):
        total: dict[tuple[tuple[str, str], ...], float] = {}
        for country, p in COUNTRIES.items():
            for device, q in DEVICES.items():
                mean = per_window * p * q * float(chance.lognormal(0, 0.03))
                if window == windows - 1:
                    for (c, d), kept in (fault or {}).items():
                        if c in {country, "*"} and d in {device, "*"}:
                            mean *= kept
                n = float(chance.poisson(mean))
                keys: tuple[tuple[tuple[str, str], ...], ...] = (
                    (),
                    (("country", country),),
                    (("device", device),),
                    (("country", country), ("device", device)),
                )
                for key in keys:
                    total[key] = total.get(key, 0.0) + n
        for key, n in total.items():
            flat = [part for pair in key for part in pair] + [None] * (4 - 2 * len(key))
            rows.append((window, *flat, n))  # type: ignore[arg-type]
    frame = pd.DataFrame(rows, columns=["window", "dim1", "val1", "dim2", "val2", "rows"])
    return counts_of(frame, grid(MINUTE, windows))
