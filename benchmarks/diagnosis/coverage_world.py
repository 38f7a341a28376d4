"""Requests of five thousand slices, unlike those of the examples: few are large, most are small."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

SLICES = 5_000
WINDOW_SECONDS = 600.0
MARKETS, APPS = 100, 50


@dataclass(frozen=True)
class World:
    """One window of requests in order of arrival: when, and the value of each dimension."""

    name: str
    at: Floats
    values: Mapping[str, npt.NDArray[np.str_]]
    dimensions: tuple[str | tuple[str, ...], ...]

    @property
    def count(self) -> int:
        """How many requests there are."""
        return len(self.at)


def zipf(count: int, exponent: float = 1.0) -> Floats:
    """(count,) shares that fall with the rank, and sum to 1."""
    weights = 1.0 / np.arange(1, count + 1) ** exponent
    return np.asarray(weights / weights.sum())


def worlds(requests: int, seed: int) -> tuple[World, ...]:
    """
    Four windows of `requests` requests each: evenly spread in time; in bursts, each slice's at its own
    moments; with a third of the slices appearing in the middle; and with slices by two dimensions and both.
    """
    rng = np.random.default_rng(seed)
    slices = rng.choice(SLICES, requests, p=zipf(SLICES))
    even = rng.uniform(0, WINDOW_SECONDS, requests)
    moments = rng.uniform(0, 0.95, (SLICES, 3))
    burst = moments[slices, rng.integers(0, 3, requests)] + rng.uniform(0, 0.02, requests)
    since = np.where(rng.random(SLICES) < 1 / 3, rng.uniform(0.2, 0.9, SLICES), 0.0)[slices]
    late = since + (1 - since) * rng.random(requests)
    return (
        _alone("Zipf sizes", even, slices),
        _alone("bursts", burst * WINDOW_SECONDS, slices),
        _alone("a third appear in the middle", late * WINDOW_SECONDS, slices),
        crossed(requests, seed, MARKETS, APPS),
    )


def crossed(requests: int, seed: int, markets: int, apps: int) -> World:
    """Slices by two dimensions and both, evenly spread in time."""
    rng = np.random.default_rng(seed)
    cell = {
        "market": np.char.add("m", rng.choice(markets, requests, p=zipf(markets, 0.8)).astype(str)),
        "app": np.char.add("a", rng.choice(apps, requests, p=zipf(apps, 0.8)).astype(str)),
    }
    at = rng.uniform(0, WINDOW_SECONDS, requests)
    return _ordered("two dimensions and both", at, cell, ("market", "app", ("market", "app")))


def _alone(name: str, at: Floats, slices: Ints) -> World:
    return _ordered(name, at, {"shelf": np.char.add("s", slices.astype(str))}, ("shelf",))


def _ordered(
    name: str,
    at: Floats,
    values: Mapping[str, npt.NDArray[np.str_]],
    dimensions: tuple[str | tuple[str, ...], ...],
) -> World:
    order = np.argsort(at, kind="stable")
    return World(name, at[order], {key: column[order] for key, column in values.items()}, dimensions)
