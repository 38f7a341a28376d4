"""Made-up tallies and histograms with a known truth, from a seed."""

from __future__ import annotations

from datetime import timedelta

import numpy as np

from domain.detection.data.histogram import Bins, Histograms
from domain.detection.data.tally import Tally
from domain.values import Slice

from .traffic import DAY, grid

DEVICES = ("mobile", "tv", "web")
CELLS: tuple[Slice, ...] = ((), *((("device", name),) for name in DEVICES))


def tally(
    windows: int = 20,
    rows: float = 1_000.0,
    usual: float = 0.02,
    now: dict[str, float] | None = None,
    columns: tuple[str, ...] = ("language", "genre"),
    scatter: float = 0.0,
    *,
    seed: int = 0,
    width: timedelta = DAY,
) -> Tally:
    """
    Rows by device, `usual` of which are wrong in each column, the share scattering by the relative `scatter`
    from window to window; in the last window `now` says how many of a device's rows lack the first column.
    """
    chance = np.random.default_rng(seed)
    n = chance.poisson(rows, (windows, len(DEVICES))).astype(float)
    rate = np.full((windows, len(DEVICES), len(columns)), usual)
    rate = np.clip(rate * chance.lognormal(0, scatter, (windows, 1, 1)), 0, 1)
    for device, share in (now or {}).items():
        rate[-1, DEVICES.index(device), 0] = share
    bad = chance.binomial(n[:, :, None].astype(int), rate).astype(float)
    return Tally(
        grid(width, windows),
        CELLS,
        columns,
        np.concatenate([n.sum(axis=1, keepdims=True), n], axis=1),
        np.concatenate([bad.sum(axis=1, keepdims=True), bad], axis=1),
    )


def histograms(
    windows: int = 20,
    rows: int = 1_000,
    shift: dict[str, float] | None = None,
    scatter: float = 0.0,
    bins: int = 10,
    seed: int = 0,
) -> Histograms:
    """
    A number by device, evenly over `bins` bins of width 1, tilted by `scatter` from window to window; in the
    last window `shift` says which part of a device's rows moved to the highest bin.
    """
    chance = np.random.default_rng(seed)
    tilt = np.exp(chance.normal(0, scatter, (windows, 1)) * np.linspace(-1, 1, bins))
    share = np.repeat((tilt / tilt.sum(axis=1, keepdims=True))[:, None], len(DEVICES), axis=1)
    for device, moved in (shift or {}).items():
        own = share[-1, DEVICES.index(device)] * (1 - moved)
        own[-1] += moved
        share[-1, DEVICES.index(device)] = own
    counts = np.array([[chance.multinomial(rows, p) for p in row] for row in share], dtype=float)
    counts = np.concatenate([counts.sum(axis=1, keepdims=True), counts], axis=1)
    edges = tuple(float(edge) for edge in range(bins + 1))
    cut = (Bins("rating", edges=edges),)
    return Histograms(grid(DAY, windows), CELLS, cut, counts.sum(axis=-1), (counts,))
