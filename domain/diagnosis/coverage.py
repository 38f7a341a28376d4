"""
How many requests of each slice a log holds, or would hold, and how much they say: enough for a diagnosis?

A log by slice (`recsysops_client.Slices`) takes the i-th request of a slice in a window with probability
k / i, or the uniform share where that is more, and no more than its rate; it takes a request with the
greatest probability that any of its slices gives it, which is that of the smallest one.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from domain.covered import SliceCoverage
from domain.diagnosis.scene import LEAST_REQUESTS
from domain.recommender.model import Logging
from domain.values import Slice

Floats = npt.NDArray[np.float64]

NEEDED = LEAST_REQUESTS
"""Effective requests of a slice in a window, from which on a diagnosis runs its requests again."""
WINDOW, REQUESTS, LOGGED, STANDS, SQUARES = "window", "requests", "logged", "stands", "squares"


@dataclass(frozen=True)
class Planned:
    """Requests taken into the log, out of how many, and what each slice would get."""

    requests: float
    logged: float
    slices: tuple[SliceCoverage, ...]


def plan_coverage(cells: pd.DataFrame, logging: Logging) -> Planned:
    """
    What a log by slice would have held of known traffic.

    Args:
        cells: one row for each window and each combination of all dimensions: `window` (number), a column a
            dimension, `requests`.

    Returns:
        Per slice, means over the windows in which it has requests, all orders of which are equally likely.
    """
    n = cells[REQUESTS].to_numpy(np.float64)
    smallest = np.full(len(cells), np.inf)
    for names in logging.sets:
        size = cells.groupby([WINDOW, *names], dropna=False)[REQUESTS].transform("sum").to_numpy(np.float64)
        smallest = np.minimum(smallest, size)
    chance, weight = _on_average(np.maximum(smallest, 1e-9), logging)
    logged, squares = n * chance, n * weight
    counted = cells.assign(**{LOGGED: logged, STANDS: n, SQUARES: squares})
    return Planned(float(n.sum()), float(logged.sum()), measure_coverage(counted, logging.sets))


def _on_average(size: Floats, logging: Logging) -> tuple[Floats, Floats]:
    """
    The mean probability p of the requests of slices of these sizes in a window, and the mean of 1 / p.

    ∫ p and ∫ 1/p over x from 0 to 1, p = max(share, min(rate, k / (x · size))): constant up to x = `full`,
    falling up to x = `falls`, then the share.
    """
    k, share, rate = logging.k, logging.share, max(logging.max_rate, logging.share)
    full, falls = np.minimum(1.0, k / (rate * size)), np.minimum(1.0, k / (share * size))
    chance = full * rate + k / size * np.log(falls / full) + (1 - falls) * share
    weight = full / rate + size / k * (falls**2 - full**2) / 2 + (1 - falls) / share
    return chance, weight


def measure_coverage(cells: pd.DataFrame, sets: Sequence[tuple[str, ...]]) -> tuple[SliceCoverage, ...]:
    """
    What is known of each slice, first those with the most requests that no diagnosis could run again.

    Args:
        cells: as in `plan_coverage`; also `logged`, requests in the log, and the sums over these of 1 over
            the probability and of its square, `stands` and `squares`. `requests` may be unknown (NaN).
    """
    found = [one for names in sets for one in _slices(cells, names)]
    return tuple(sorted(found, key=lambda one: (-one.unseen, one.effective, one.slice)))


def _slices(cells: pd.DataFrame, names: tuple[str, ...]) -> Iterator[SliceCoverage]:
    columns = [REQUESTS, LOGGED, STANDS, SQUARES]
    windows = (
        cells.groupby([WINDOW, *names], dropna=False, sort=False)[columns].sum(min_count=1).reset_index()
    )
    stands, squares = (windows[name].fillna(0.0).to_numpy(np.float64) for name in (STANDS, SQUARES))
    worth = np.divide(stands**2, squares, out=np.zeros(len(windows)), where=squares > 0)
    windows = windows.assign(__worth=worth, __below=worth < NEEDED, __one=1.0)
    means = windows.groupby(list(names), dropna=False, sort=False).agg(
        {**dict.fromkeys([*columns, "__worth"], "mean"), "__below": "sum", "__one": "sum"}
    )
    for row in means.reset_index().to_dict("records"):
        yield _coverage(row, names)


def _coverage(row: Mapping[Hashable, Any], names: tuple[str, ...]) -> SliceCoverage:
    def number(name: str) -> float:
        value = float(row[name])
        return value if np.isfinite(value) else 0.0

    return SliceCoverage(
        slice=_slice(row, names),
        windows=int(number("__one")),
        requests=number(REQUESTS) if pd.notna(row[REQUESTS]) else None,
        stands=number(STANDS),
        logged=number(LOGGED),
        effective=number("__worth"),
        below=int(number("__below")),
        lacks=max(1 - number("__worth") / NEEDED, 0.0),
    )


def _slice(row: Mapping[Hashable, Any], names: tuple[str, ...]) -> Slice:
    return tuple(sorted((name, str(row[name])) for name in names))
