"""
Logged in advance, by slice: whether a log of one request in twenty holds enough of each of five thousand
slices, whether estimates from it are right, and what it costs the request that is served.

Beside each figure is that of a uniform log of the same size in the same run.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from recsysops_client import RequestLog, Slices
from recsysops_client.sampling import SliceSampler

from benchmarks.diagnosis.coverage_world import APPS, MARKETS, WINDOW_SECONDS, World, crossed, worlds
from benchmarks.table import Row, Rows, percentile

Floats = npt.NDArray[np.float64]

REQUESTS, BUDGET = 1_200_000, 0.05
SHARE, K, MAX_RATE = 0.012, 20, 0.05
LARGE = round(K / MAX_RATE)  # 400 requests
SMALL_WORLD, REPETITIONS = (15_000, 12, 6), 200
WORST_Z, TOTAL_Z = 4.3, 3.0  # one of some thousand slices; the whole
TIMED, BLOCK, ELSE = 100_000, 5_000, 1_000
MOST_ADDED_MS = 0.2
SLOW_RECORDS, SLOW_SECONDS, SLOW_QUEUE = 4_000, 0.002, 200


def rows(table: Rows, seed: int = 1) -> Iterator[Row]:
    """Coverage in four worlds, bias, time, drops."""
    for world in worlds(REQUESTS, seed):
        yield from _covered(world, table)
    requests, markets, apps = SMALL_WORLD
    yield from _unbiased(crossed(requests, seed + 1, markets, apps), table)
    yield from _timed(crossed(TIMED, seed + 2, MARKETS, APPS), table)
    yield from _dropped(table)


def _sampler(world: World) -> SliceSampler:
    slices = Slices(world.dimensions, k=K, max_rate=MAX_RATE, window_seconds=WINDOW_SECONDS)
    return SliceSampler(slices, SHARE)


def _drawn(world: World, salt: str = "") -> Floats:
    """(requests,) the probability with which each was taken; 0 where it was not."""
    sampler, names = _sampler(world), list(world.values)
    each = zip(world.at.tolist(), *(world.values[name].tolist() for name in names), strict=True)
    return np.array(
        [
            sampler.draw(f"{salt}{n}", dict(zip(names, values, strict=True)), at)
            for n, (at, *values) in enumerate(each)
        ]
    )


def _slices(world: World) -> Iterator[npt.NDArray[np.intp]]:
    """For each dimension (or several): (requests,) the number of each request's slice."""
    for one in world.dimensions:
        columns = [world.values[name] for name in ((one,) if isinstance(one, str) else one)]
        joined = columns[0]
        for column in columns[1:]:
            joined = np.char.add(np.char.add(joined, "\x1f"), column)
        yield np.unique(joined, return_inverse=True)[1]


# ── enough of every slice ─────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class _Held:
    """(slices,) of all dimensions: requests, those logged, and what these are worth."""

    requests: Floats
    logged: Floats
    worth: Floats


def _held(world: World, chance: Floats) -> _Held:
    weight = np.divide(1.0, chance, out=np.zeros(len(chance)), where=chance > 0)
    found: list[tuple[Floats, Floats, Floats]] = []
    for place in _slices(world):
        taken = np.bincount(place, chance > 0).astype(np.float64)
        sums, squares = np.bincount(place, weight), np.bincount(place, weight**2)
        worth = np.divide(sums**2, squares, out=np.zeros(len(sums)), where=squares > 0)
        found.append((np.bincount(place).astype(np.float64), taken, worth))
    return _Held(*(np.concatenate(parts) for parts in zip(*found, strict=True)))


def _covered(world: World, table: Rows) -> Iterator[Row]:
    chance = _drawn(world)
    held = _held(world, chance)
    large = held.requests >= LARGE
    share = float((chance > 0).mean())
    even = np.where(np.random.default_rng(7).random(world.count) < share, share, 0.0)
    beside = _held(world, even)
    short = int((beside.logged[large] < K).sum())
    work = f"{world.name}: {len(large):,} slices, {world.count:,} requests"
    peers = (
        f"bottom-k of each slice, known when the window has ended, and the same share: "
        f"{_bottom_k(world):.2%}; what running bottom-k takes at once: {_running(held, world):.1%}"
    )
    yield table.below(f"{work}: logged", share, "of the requests", BUDGET, peers)
    yield table.above(
        f"{world.name}: fewest logged of the {int(large.sum()):,} slices of {LARGE} requests or more",
        float(held.logged[large].min()), "", K,
        f"uniform log of the same size: {beside.logged[large].min():.0f}, {short:,} have fewer than {K}",
    )  # fmt: skip
    yield table.without_goal(
        f"{world.name}: the least that these are worth, in requests drawn evenly",
        float(held.worth[large].min()), "", f"uniform log: {beside.worth[large].min():.0f}",
    )  # fmt: skip


def _bottom_k(world: World) -> float:
    """Share of the requests among the k smallest hashes of a slice, or within the uniform share."""
    hashes = np.random.default_rng(8).random(world.count)
    taken = hashes < SHARE
    for place in _slices(world):
        order = np.lexsort((hashes, place))
        starts = np.searchsorted(place[order], np.arange(place.max() + 1))
        rank = np.arange(world.count) - starts[place[order]]
        taken[order] |= rank < K
    return float(taken.mean())


def _running(held: _Held, world: World) -> float:
    """Share of the requests among the k smallest so far when they come; sums over slices."""
    n = np.maximum(held.requests, K)
    return float(np.minimum(K * (1 + np.log(n / K)), held.requests).sum()) / world.count


# ── right on average ──────────────────────────────────────────────────────────────────────────────────────


def _unbiased(world: World, table: Rows) -> Iterator[Row]:
    """Sums of a value that differs by slice, estimated again and again: z = error / standard error."""
    places = list(_slices(world))
    rare = 1 / np.sqrt(np.bincount(places[-1])[places[-1]])  # small slices differ from the others
    value = np.random.default_rng(9).gamma(2.0, size=world.count) * rare
    truth = np.concatenate([np.bincount(place, value) for place in places])
    estimates, totals, naive = [], [], []
    for repetition in range(REPETITIONS):
        chance = _drawn(world, f"{repetition} ")
        weight = np.divide(1.0, chance, out=np.zeros(len(chance)), where=chance > 0)
        estimates.append(np.concatenate([np.bincount(place, weight * value) for place in places]))
        totals.append((weight * value).sum())
        naive.append(value[chance > 0].mean())
    found = np.array(estimates)
    spread = found.std(axis=0, ddof=1) / np.sqrt(REPETITIONS)
    known = (found > 0).sum(axis=0) >= REPETITIONS // 3  # with rarer ones a mean of so few is not normal yet
    z = ((found.mean(axis=0) - truth) / np.maximum(spread, 1e-12))[known]
    work = f"weighted sums, {REPETITIONS} logs of {world.count:,} requests"
    beyond = float((np.abs(z) > 1.96).mean())
    yield table.below(
        f"{work}: worst |z| of {len(z):,} slices", float(np.abs(z).max()), "", WORST_Z,
        f"mean z {z.mean():+.2f}; beyond 1.96: {beyond:.1%}, by chance 5 %",
    )  # fmt: skip
    yield table.below(
        f"{work}: |z| of the total", abs(_z(totals, float(value.sum()))), "", TOTAL_Z,
        f"mean of the logged without weights: z {_z(naive, float(value.mean())):+.1f}",
    )  # fmt: skip


def _z(found: list[float], truth: float) -> float:
    return float((np.mean(found) - truth) / (np.std(found, ddof=1) / np.sqrt(len(found))))


# ── what it costs ─────────────────────────────────────────────────────────────────────────────────────────


def _timed(world: World, table: Rows) -> Iterator[Row]:
    """
    Time in the request, writing included, alternating with a bare uniform log; windows end on the way.

    A request also does other things, during which the writing thread gets its turn: `ELSE`.
    """
    names = list(world.values)
    requests = [
        dict(zip(names, values, strict=True))
        for values in zip(*(world.values[name].tolist() for name in names), strict=True)
    ]
    slices = Slices(world.dimensions, k=K, max_rate=MAX_RATE, window_seconds=1.0)
    took: tuple[list[float], list[float]] = ([], [])
    with tempfile.TemporaryDirectory() as made:
        bare = RequestLog(Path(made) / "bare", share=BUDGET)
        by_slice = RequestLog(Path(made) / "by_slice", share=SHARE, slices=slices)
        for start in range(0, len(requests), BLOCK):
            block = list(enumerate(requests[start : start + BLOCK], start))
            for number, values in block:
                began = time.perf_counter()
                if bare.takes(number):
                    bare.write({"request": number, **values})
                took[0].append(time.perf_counter() - began)
                sum(range(ELSE))
            for number, values in block:
                began = time.perf_counter()
                if chance := by_slice.inclusion(number, values):
                    by_slice.write({"request": number, **values}, chance)
                took[1].append(time.perf_counter() - began)
                sum(range(ELSE))
        bare.close()
        by_slice.close()
        windows = len((Path(made) / "by_slice/windows/requests.jsonl").read_text().splitlines())
    p50, p99, p999 = ([percentile(one, at) * 1e3 for one in took] for at in (0.5, 0.99, 0.999))
    said = (
        f"p99 {p99[1]:.3f} ms, bare uniform log {p99[0]:.3f}; p50 {p50[1]:.3f} and {p50[0]:.3f}, "
        f"p99.9 {p999[1]:.3f} and {p999[0]:.3f}; {windows} windows ended on the way"
    )
    work = f"added to a request, p99 of {len(requests):,}"
    yield table.below(work, p99[1] - p99[0], "ms", MOST_ADDED_MS, said)


class _Slow:
    """A value that takes as long to write as on a slow disk."""

    def __str__(self) -> str:
        time.sleep(SLOW_SECONDS)
        return "slow"


def _dropped(table: Rows) -> Iterator[Row]:
    """More than the disk can take: drops are counted, and the written counts include them."""
    slices = Slices(("shelf",), k=K, max_rate=1.0, window_seconds=0.25)
    took = []
    with tempfile.TemporaryDirectory() as made:
        log = RequestLog(made, share=1.0, slices=slices, queue_size=SLOW_QUEUE)
        for number in range(SLOW_RECORDS):
            began = time.perf_counter()
            if chance := log.inclusion(number, {"shelf": f"s{number % 50}"}):
                log.write({"request": number, "slow": _Slow()}, chance)
            took.append(time.perf_counter() - began)
            time.sleep(0.000_2)
        log.close(timeout_seconds=60.0)
        lines = log.path.read_text().splitlines()
        windows = [
            json.loads(line) for line in (Path(made) / "windows/requests.jsonl").read_text().splitlines()
        ]
    sums = {name: sum(one[name] for one in windows) for name in ("taken", "written", "dropped")}
    lost = SLOW_RECORDS - len(lines)
    work = f"a disk of {SLOW_SECONDS * 1e3:g} ms a row: of {SLOW_RECORDS:,} rows {lost:,} are lost"
    said = f"taken {sums['taken']:,}, written {sums['written']:,}, in {len(windows)} windows"
    yield table.below(f"{work}: not in the counts", abs(lost - sums["dropped"]), "rows", 0.0, said)
    yield table.below(f"{work}: a request's p99", percentile(took, 0.99) * 1e3, "ms", MOST_ADDED_MS)
