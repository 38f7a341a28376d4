"""Made-up funnels, versions and answer times by device, with a known truth, from a seed."""

from __future__ import annotations

from datetime import timedelta

import numpy as np

from domain.detection.data.counts import Floats
from domain.detection.data.histogram import Bins, Histograms
from domain.detection.data.tally import Tally
from domain.values import Slice

from .traffic import HOUR, grid

DEVICES = ("mobile", "tv", "web")
CELLS: tuple[Slice, ...] = ((), *((("device", name),) for name in DEVICES))
STAGES = {"ranked": 0.3, "shown": 0.2}
EDGES = tuple((5.0 * 1.1 ** np.arange(80)).round(4).tolist())  # ms: 5 to 9,300


def whole(parts: Floats) -> Floats:
    """(n_windows, n_devices, …) with the whole table in front."""
    return np.concatenate([parts.sum(axis=1, keepdims=True), parts], axis=1)


def funnel(
    seed: int,
    now: dict[tuple[str, str], float] | None = None,
    windows: int = 60,
    rows: float = 3_000.0,
    scatter: float = 0.05,
    stages: dict[str, float] | None = None,
    width: timedelta = HOUR,
) -> Tally:
    """
    Rows by device, and those of them that got through each stage; the shares scatter from window to window
    and differ between devices. In the last window `now` (device, stage) is the share instead.
    """
    chance = np.random.default_rng(seed)
    shares = stages or STAGES
    n = chance.poisson(rows, (windows, len(DEVICES)))
    own = chance.uniform(0.7, 1.2, (1, len(DEVICES), len(shares)))
    rate = np.array(list(shares.values())) * own * chance.lognormal(0, scatter, (windows, 1, len(shares)))
    for (device, stage), share in (now or {}).items():
        rate[-1, DEVICES.index(device), list(shares).index(stage)] = share
    through, left = [], n
    for at in range(len(shares)):
        left = chance.binomial(left, np.clip(rate[:, :, at], 0, 1))
        through.append(left.astype(float))
    kept = np.stack(through, axis=-1)
    return Tally(grid(width, windows), CELLS, tuple(shares), whole(n.astype(float)), whole(kept))


def served(seed: int, shares: dict[str, dict[str, float]], rows: float = 2_000.0, windows: int = 4) -> Tally:
    """Requests by device, and those of them that each version served; `shares`: device → version → share."""
    chance = np.random.default_rng(seed)
    names = tuple(dict.fromkeys(name for one in shares.values() for name in one))
    n = chance.poisson(rows, (windows, len(DEVICES)))
    rates = np.array([[shares[device].get(name, 0.0) for name in names] for device in DEVICES])
    bad = np.stack([chance.multinomial(n[:, at], rates[at]) for at in range(len(DEVICES))], axis=1)
    return Tally(grid(HOUR, windows), CELLS, names, whole(n.astype(float)), whole(bad.astype(float)))


def answers(
    seed: int,
    now: dict[str, tuple[float, float]] | None = None,
    windows: int = 60,
    rows: float = 2_000.0,
    scatter: float = 0.05,
) -> Histograms:
    """
    Answer times by device, log-normal, slower on some devices and in the evening. In the last window of a
    device in `now` (factor, share) that share of its answers takes `factor` times as long.
    """
    chance = np.random.default_rng(seed)
    middle = dict(zip(DEVICES, (120.0, 40.0, 80.0), strict=True))
    counts = np.zeros((windows, len(DEVICES), len(EDGES) - 1))
    for window in range(windows):
        load = 1 + 0.1 * np.sin(2 * np.pi * window / 24) + chance.normal(0, scatter)
        for place, device in enumerate(DEVICES):
            took = middle[device] * load * chance.lognormal(0, 0.5, chance.poisson(rows))
            if now and device in now and window == windows - 1:
                factor, share = now[device]
                took = np.where(chance.random(len(took)) < share, took * factor, took)
            counts[window, place] = np.histogram(np.clip(took, EDGES[0], EDGES[-1]), EDGES)[0]
    every = whole(counts)
    bins = (Bins("latency_ms", edges=EDGES),)
    return Histograms(grid(HOUR, windows), CELLS, bins, every.sum(axis=-1), (every,))
