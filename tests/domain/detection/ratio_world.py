"""Hourly viewers and stalls in three dimensions: the data for tests of ratios."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import product
from zoneinfo import ZoneInfo

import numpy as np

from domain.detection.data.counts import Floats
from domain.detection.data.ratio_cells import RatioCells, is_share
from domain.detection.data.window import grid_until
from domain.recommender.check import Check
from domain.values import Slice

END = datetime(2026, 6, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DIMENSIONS = ("country", "device", "provider")
VALUES = (
    tuple(f"C{n}" for n in range(6)),
    ("mobile", "tv", "web"),
    tuple(f"P{n}" for n in range(8)),
)
CHECK = Check(
    name="stalls",
    kind="slice_volume",
    table="plays",
    measure="stalled",
    ways=3,
    options={"aggregate": "ratio", "over": "viewers"},
)
Change = Callable[[Floats], Floats]


def world(
    seed: int = 0,
    faults: dict[Slice, Change] | None = None,
    windows: int = 13,
    viewers: float = 60.0,
    stalled: float = 0.04,
) -> RatioCells:
    """Hours in which chance alone decides, and a last one in which slices stall as `faults` make it."""
    chance = np.random.default_rng(seed)
    codes = np.array(list(product(*(range(len(known)) for known in VALUES))), dtype=np.int64)
    usual = viewers * chance.lognormal(0, 0.8, len(codes))
    ratio = stalled * np.exp(chance.normal(0, 0.3, len(VALUES[0])))[codes[:, 0]]
    denominator = chance.poisson(usual, (windows, len(codes))).astype(np.float64)
    ratios = np.tile(ratio, (windows, 1))
    empty = _cells(codes, np.zeros_like(denominator), denominator)
    for where, change in (faults or {}).items():
        inside = empty.inside(where)
        ratios[-1, inside] = np.clip(change(ratios[-1, inside]), 0, 1)
    numerator = chance.binomial(denominator.astype(np.int64), ratios).astype(np.float64)
    return _cells(codes, numerator, denominator)


def _cells(codes: np.ndarray, numerator: Floats, denominator: Floats) -> RatioCells:
    grid = grid_until(END, HOUR, (len(numerator) - 1) * HOUR, ZoneInfo("UTC"))
    known = np.ones(len(numerator), dtype=bool)
    share = is_share(numerator, denominator)
    return RatioCells(grid, DIMENSIONS, VALUES, codes, numerator, denominator, share, known)


def with_sides(cells: RatioCells, numerator: Floats, denominator: Floats) -> RatioCells:
    """The same cells with other sides."""
    return _cells(cells.codes, numerator, denominator)
