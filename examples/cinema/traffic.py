"""Requests, what is shown on them, and what is played: the same code makes history and the present."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .catalogue import Catalogue
from .demand import Demand
from .features import TRUE_POSITION, mix
from .members import SURFACE_SHARES, Audience
from .rails import SHELF, Rails

Ints = npt.NDArray[np.int64]
Places = npt.NDArray[np.int32]
Bools = npt.NDArray[np.bool_]
Kept = Callable[[Ints, Places], Bools]

HOUR = 3_600_000_000  # microseconds
CANDIDATE_SHARE = 0.10  # ranked requests whose candidates are logged
EXPLORED_SHARE = 0.015  # requests filled at random, all candidates alike: what a film is worth by itself
EXPLORING = np.uint64(0x5EED)  # makes its hash differ from that of the logged requests


@dataclass(frozen=True)
class Visits:
    """Requests in order of time: microseconds since 1970 (also the request's id), rail, member, surface."""

    times: Ints
    rails: Ints
    members: Ints
    surfaces: Ints

    def __len__(self) -> int:
        return len(self.times)


@dataclass(frozen=True)
class Shelves:
    """
    What visits were shown.

    Columns of `rails` (n, 10) in order of position, what was played, and for how long.
    """

    visits: Visits
    rails: Rails
    shown: Places
    played: Bools
    minutes: npt.NDArray[np.float32]


def arrivals(rng: np.random.Generator, start: int, end: int, demand: Demand) -> Ints:
    """Times of requests in [start, end), an inhomogeneous Poisson process by thinning; none twice."""
    most = demand.most(start, end)
    count = rng.poisson(most * max(0, end - start) / 1e6)
    times = np.unique(rng.integers(start, end, count)) if count else np.empty(0, dtype=np.int64)
    return times[rng.random(len(times)) * most < demand.rate(times)]


def visit(
    rng: np.random.Generator, audience: Audience, times: Ints, weights: npt.NDArray[np.float64] | None = None
) -> Visits:
    """
    Who comes at these times, on which device: among members who have joined by then, all equally often.

    Args:
        weights: (rails,) how much more often than usual each rail's members come; None: as usual.
    """
    shares = audience.rail_shares * (1.0 if weights is None else weights)
    edges = np.cumsum(shares / shares.sum())
    rails = np.minimum(np.searchsorted(edges, rng.random(len(times)), side="right"), audience.rails - 1)
    clusters = rails // (audience.rails // audience.clusters)
    there = audience.count_joined(int(times[0]) if len(times) else 0)
    turn = (rng.random(len(times)) * there[clusters]).astype(np.int64)
    surfaces = np.searchsorted(np.cumsum(SURFACE_SHARES)[:-1], rng.random(len(times)), side="right")
    return Visits(times, rails, audience.first_member[clusters] + turn, surfaces)


def pick(
    rng: np.random.Generator, rails: Rails, which: Ints, count: int = SHELF, by_chance: Bools | None = None
) -> Places:
    """
    The candidates whose exponential clocks ring first, in that order: (n, count) columns of `rails`.

    Args:
        by_chance: (n,) where all clocks have the same rate.
    """
    rings = rng.standard_exponential((len(which), rails.films.shape[1]), dtype=np.float32)
    weights = rails.weights[which]
    rings /= weights if by_chance is None else np.where(by_chance[:, None], np.float32(1), weights)
    first = np.argpartition(rings, count - 1, axis=1)[:, :count]
    order = np.argsort(np.take_along_axis(rings, first, axis=1), axis=1)
    return np.take_along_axis(first, order, axis=1).astype(np.int32)


def serve(
    rng: np.random.Generator, rails: Rails, catalogue: Catalogue, visits: Visits, kept: Kept | None = None
) -> Shelves:
    """
    Shelves for visits, and what members do with them.

    Args:
        kept: which films (n, k), in the order in which they come, may be shown on rails (n, 1); None: all.
    """
    shown = pick(rng, rails, visits.rails, rails.films.shape[1] if kept else SHELF, explored(visits.times))
    if kept:
        shown = _first_kept(shown, kept(visits.rails[:, None], rails.films[visits.rails[:, None], shown]))
    odds = rails.true_log_odds[visits.rails[:, None], shown] + TRUE_POSITION * np.arange(
        SHELF, dtype=np.float32
    )
    played = rng.random(shown.shape, dtype=np.float32) < 1 / (1 + np.exp(-odds))
    films = rails.films[visits.rails[:, None], shown]
    watched = rng.beta(2.0, 1.2, int(played.sum())).astype(np.float32)
    minutes = np.zeros(shown.shape, dtype=np.float32)
    minutes[played] = np.maximum(1, watched * catalogue.numbers["runtime_minutes"][films[played]])
    return Shelves(visits, rails, shown, played, minutes)


def _first_kept(shown: Places, kept: Bools) -> Places:
    """(n, 10) the first kept ones of each row; if there are too few, those not kept come last."""
    order = np.argsort(~kept, axis=1, kind="stable")[:, :SHELF]
    first: Places = np.take_along_axis(shown, order, axis=1)
    return first


def logged(times: Ints) -> Bools:
    """
    Which requests have their candidates logged: one in ten of those the model fills, by a hash of the id.
    """
    share: Bools = mix(times.astype(np.uint64)) < np.uint64(CANDIDATE_SHARE * 2.0**64)
    return share & ~explored(times)


def explored(times: Ints) -> Bools:
    """Which requests are filled at random, by a hash of the id: three in two hundred."""
    share: Bools = mix(times.astype(np.uint64) ^ (EXPLORING << np.uint64(48))) < np.uint64(
        EXPLORED_SHARE * 2.0**64
    )
    return share
