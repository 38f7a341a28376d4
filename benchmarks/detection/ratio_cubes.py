"""
Ratios by window and cell with known faults, from seven recipes unlike each other.

Each case is a history of windows without a fault and one window in which the ratio of one slice, or two, of
one to three dimensions changes. A fault would be noticed were its slice looked at alone, and each of its
dimensions is needed to name it. Each recipe cites its origin.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from domain.values import Slice

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]

HISTORY = (5, 15)  # windows without a fault
NOTICEABLE = 6.0  # standard deviations by which each fault is off at least, were its slice looked at alone
LARGEST, LEAST_ROWS = 0.4, 40.0  # most of the denominator that may lie in a fault, and its least rows
NEEDED = 0.7  # largest part of the wider slice's denominator that the faulty slice may make up
DRAWS = 400


@dataclass(frozen=True)
class RatioCase:
    """
    `codes` (n_cells, n_dimensions) indices of values; `numerator`, `denominator` (n_windows, n_cells), the
    last window faulty; `truth` the slices at fault.
    """

    dimensions: tuple[str, ...]
    codes: Codes
    numerator: Floats
    denominator: Floats
    truth: frozenset[Slice]
    mean: bool = False

    def value(self, dimension: int, code: int) -> str:
        """The name of a dimension's value."""
        return f"{self.dimensions[dimension]}{code:03d}"


@dataclass(frozen=True)
class _World:
    """Cells; (n_windows, n_cells) their denominators and usual ratios; and how faults are made in them."""

    codes: Codes
    denominator: Floats
    ratio: Floats
    noise: Callable[[np.random.Generator, Floats, Floats], Floats]
    """From chance, denominators and ratios to the numerators."""
    deviations: Floats
    """(n_cells,) of one window's numerator, at the usual ratio."""
    factors: tuple[float, float]
    spread: float = 0.0
    same: bool = True
    mean: bool = False


def _cells(chance: np.random.Generator, sizes: list[int], most: int) -> Codes:
    """All combinations of values, or as many of them as occur."""
    whole = int(np.prod(sizes))
    chosen = np.arange(whole) if whole <= most else np.sort(chance.choice(whole, most, replace=False))
    return np.column_stack(np.unravel_index(chosen, sizes)).astype(np.int64)


def _effects(chance: np.random.Generator, codes: Codes, spread: float) -> Floats:
    """(n_cells,) factors: the effect of each value of each dimension, and a little of each cell's own."""
    factor = np.ones(len(codes))
    for column in codes.T:
        factor *= np.exp(chance.normal(0, spread, int(column.max()) + 1))[column]
    return factor * np.exp(chance.normal(0, spread / 2, len(codes)))


def _binomial(chance: np.random.Generator, denominator: Floats, ratio: Floats) -> Floats:
    return chance.binomial(denominator.astype(np.int64), np.clip(ratio, 0, 1)).astype(np.float64)


def dense(chance: np.random.Generator, windows: int) -> _World:
    """
    All combinations of values, Poisson denominators, binomial numerators; one change for all slices.

    Source:
        After Li et al. (2019), "Generic and robust localization of multi-dimensional root causes" (Squeeze),
        IEEE ISSRE: all faults of a case share the relative change.
    """
    sizes = chance.integers(4, 11, int(chance.integers(3, 5))).tolist()
    codes = _cells(chance, sizes, 3_000)
    usual = chance.lognormal(0, 1.0, len(codes)) * 10 ** chance.uniform(1.2, 2.5)
    ratio = np.clip(10 ** chance.uniform(-2.2, -0.7) * _effects(chance, codes, 0.3), 0.001, 0.5)
    denominator = chance.poisson(usual, (windows, len(codes))).astype(np.float64)
    return _World(
        codes, denominator, np.tile(ratio, (windows, 1)), _binomial, np.sqrt(usual * ratio), (1.6, 5.0)
    )


def sparse(chance: np.random.Generator, windows: int) -> _World:
    """
    Rows drawn one by one in five to seven dimensions, some of which are correlated: most cells hold none or
    one, and most windows of a cell are empty. The number of rows differs by hour.
    """
    count = int(chance.integers(5, 8))
    sizes = chance.integers(3, 13, count)
    most = int(10 ** chance.uniform(3.6, 4.5))
    drawn = np.column_stack([_skewed(chance, size, most) for size in sizes])
    for at in range(1, count):
        if chance.random() < 0.4:  # a provider is mostly found in one country
            bound = chance.random(most) < 0.5
            drawn[bound, at] = (drawn[bound, at - 1] * 7 + at) % sizes[at]
    codes, rows = np.unique(drawn, axis=0, return_counts=True)
    usual = rows * chance.uniform(0.5, 1.5)
    hours = np.exp(chance.normal(0, 0.3, windows))
    denominator = chance.poisson(usual * hours[:, None]).astype(np.float64)
    ratio = np.clip(10 ** chance.uniform(-1.9, -0.8) * _effects(chance, codes, 0.25), 0.002, 0.6)
    return _World(
        codes, denominator, np.tile(ratio, (windows, 1)), _binomial, np.sqrt(usual * ratio), (1.7, 6.0)
    )


def _skewed(chance: np.random.Generator, size: int, count: int) -> Codes:
    return chance.choice(size, count, p=chance.dirichlet(np.full(size, 1.2)))


def amounts(chance: np.random.Generator, windows: int) -> _World:
    """Minutes a view: amounts with a heavy tail over counted views; a mean that falls or rises."""
    sizes = chance.integers(3, 9, int(chance.integers(3, 6))).tolist()
    codes = _cells(chance, sizes, 2_500)
    usual = chance.lognormal(0, 0.9, len(codes)) * 10 ** chance.uniform(1.0, 2.0)
    mean = chance.uniform(5, 60) * _effects(chance, codes, 0.25)
    shape = chance.uniform(0.4, 1.5)
    denominator = chance.poisson(usual, (windows, len(codes))).astype(np.float64)

    def added(rng: np.random.Generator, views: Floats, ratio: Floats) -> Floats:
        whole = rng.gamma(np.maximum(shape * views, 1e-9), np.maximum(ratio / shape, 1e-9))
        return np.where(views > 0, whole, 0.0)

    factors = (0.4, 0.75) if chance.random() < 0.6 else (1.4, 2.5)
    sd = mean * np.sqrt(usual / shape)
    return _World(codes, denominator, np.tile(mean, (windows, 1)), added, sd, factors, mean=True)


def severities(chance: np.random.Generator, windows: int) -> _World:
    """
    Weibull denominators, faults each with its own severity from which its cells deviate, and cells whose
    ratio is off by noise in every window.

    Source:
        After Kalander (2022), "RiskLoc", arXiv:2205.10004, section 5.1.
    """
    sizes = chance.integers(5, 13, int(chance.integers(3, 5))).tolist()
    codes = _cells(chance, sizes, 4_000)
    usual = chance.weibull(chance.uniform(0.5, 1.0), len(codes)) * 200
    noise = chance.uniform(0.02, 0.2)
    base = np.clip(chance.uniform(0.05, 0.4) * _effects(chance, codes, 0.15), 0.005, 0.6)
    ratio = np.clip(base * np.maximum(1 + chance.normal(0, noise, (windows, len(codes))), 0.05), 0, 1)
    denominator = np.round(usual * np.exp(chance.normal(0, 0.1, (windows, 1))))
    sd = np.sqrt(usual * base + (noise * usual * base) ** 2)
    factors = (0.2, 0.7) if chance.random() < 0.5 else (1.5, 2.4)
    return _World(codes, denominator, ratio, _binomial, sd, factors, spread=0.1, same=False)


def successes(chance: np.random.Generator, windows: int) -> _World:
    """Shares near one, like those of answered requests, that fall in a slice; whole days differ together."""
    sizes = chance.integers(3, 16, int(chance.integers(4, 7))).tolist()
    codes = _cells(chance, sizes, 6_000)
    usual = chance.lognormal(0, 1.3, len(codes)) * 10 ** chance.uniform(0.7, 1.7)
    failing = np.clip(10 ** chance.uniform(-2.3, -1.1) * _effects(chance, codes, 0.3), 0.0005, 0.4)
    alike = np.exp(chance.normal(0, 0.12, (windows, 1)))
    denominator = chance.poisson(usual * alike).astype(np.float64)
    together = np.exp(chance.normal(0, 0.08, (windows, 1)))

    def succeed(rng: np.random.Generator, asked: Floats, ratio: Floats) -> Floats:
        return asked - _binomial(rng, asked, ratio)

    sd = np.sqrt(usual * failing)
    return _World(codes, denominator, failing * together, succeed, sd, (2.0, 8.0))


def bursts(chance: np.random.Generator, windows: int) -> _World:
    """
    Events a session, often more than one, that come in bursts; the ratio varies by hour, and a few large
    cells hold most of everything.

    Source:
        Unequal cells and noise that is not a Poisson's after Li et al. (2022), "PSqueeze", J. Syst. Softw.
    """
    sizes = chance.integers(4, 12, int(chance.integers(3, 6))).tolist()
    codes = _cells(chance, sizes, 3_000)
    usual = chance.pareto(1.3, len(codes)) * 10 ** chance.uniform(0.7, 1.5) + 1
    usual = np.minimum(usual, usual.sum() * 0.05)
    hours = 1 + 0.4 * np.sin(np.arange(windows) / 3 + chance.uniform(0, 6))[:, None]
    ratio = 10 ** chance.uniform(-0.3, 0.9) * _effects(chance, codes, 0.3)
    denominator = chance.poisson(usual * hours).astype(np.float64)
    burst = chance.uniform(1.5, 5.0)
    level = 1 + 0.1 * np.sin(np.arange(windows) / 2)[:, None]

    def come(rng: np.random.Generator, sessions: Floats, ratio: Floats) -> Floats:
        mean = np.maximum(sessions * ratio, 1e-9)
        return rng.negative_binomial(mean / (burst - 1), 1 / burst).astype(np.float64)

    factors = (0.3, 0.7) if chance.random() < 0.5 else (1.4, 3.0)
    sd = np.sqrt(usual * ratio * burst + (0.1 * usual * ratio) ** 2)
    return _World(codes, denominator, ratio * level, come, sd, factors, same=False)


def nested(chance: np.random.Generator, windows: int) -> _World:
    """
    Cities within regions within countries beside two other dimensions; shares that differ from window to
    window more than by chance, each cell independently. Written after the method was finished.
    """
    cities = int(chance.integers(8, 25))
    region_of = chance.integers(0, max(cities // 3, 2), cities)
    country_of = chance.integers(0, 3, int(region_of.max()) + 1)
    sizes = [cities, int(chance.integers(3, 7)), int(chance.integers(3, 9))]
    city, one, other = _cells(chance, sizes, 2_500).T
    codes = np.column_stack([city, region_of[city], country_of[region_of[city]], one, other])
    usual = chance.lognormal(0, 1.1, len(codes)) * 10 ** chance.uniform(0.8, 2.0)
    ratio = np.clip(10 ** chance.uniform(-1.8, -0.7) * _effects(chance, codes, 0.3), 0.002, 0.5)
    loose = chance.uniform(0.005, 0.03)
    denominator = chance.poisson(usual * np.exp(chance.normal(0, 0.2, (windows, 1)))).astype(np.float64)

    def loosely(rng: np.random.Generator, asked: Floats, ratio: Floats) -> Floats:
        part = np.clip(ratio, 1e-6, 0.999)
        return _binomial(rng, asked, rng.beta(part / loose, (1 - part) / loose))

    sd = np.sqrt(usual * ratio * (1 + loose * usual))
    factors = (0.15, 0.5) if chance.random() < 0.3 else (1.8, 5.0)
    return _World(codes, denominator, np.tile(ratio, (windows, 1)), loosely, sd, factors)


RECIPES: Mapping[str, Callable[[np.random.Generator, int], _World]] = {
    "dense": dense,
    "sparse": sparse,
    "amounts": amounts,
    "severities": severities,
    "successes": successes,
    "bursts": bursts,
    "nested": nested,
}


def case(recipe: str, seed: int) -> RatioCase:
    """One case of a recipe; worlds in which no noticeable fault is found are drawn again."""
    for turn in range(50):
        chance = np.random.default_rng((list(RECIPES).index(recipe), seed, turn))
        windows = int(chance.integers(HISTORY[0], HISTORY[1] + 1)) + 1
        made = RECIPES[recipe](chance, windows)
        faults = _faults(chance, made)
        if faults:
            return _faulted(chance, made, faults)
    raise AssertionError(f"{recipe}, seed {seed}: no fault that would be noticed")


Fault = tuple[Slice, npt.NDArray[np.bool_], float]


def _faults(chance: np.random.Generator, made: _World) -> list[Fault]:
    """One slice or two, of one to three dimensions, neither within the other."""
    codes, wanted = made.codes, 1 + int(chance.random() < 0.4)
    ways = int(chance.integers(1, 4))
    factor = float(np.exp(chance.uniform(*np.log(made.factors))))
    found: list[Fault] = []
    for _draw in range(DRAWS):
        if not (found and made.same):
            names = tuple(sorted(chance.choice(codes.shape[1], ways, replace=False).tolist()))
        row = codes[int(chance.choice(len(codes), p=_weight(made)))]
        inside = (codes[:, names] == row[list(names)]).all(axis=1)
        where: Slice = tuple((f"d{n}", f"d{n}{row[n]:03d}") for n in names)
        if not made.same:
            factor = float(np.exp(chance.uniform(*np.log(made.factors))))
        if any(set(where) <= set(one) or set(one) <= set(where) for one, _in, _by in found):
            continue
        if any((inside & other).sum() for _one, other, _by in found) and wanted > 1 and not made.same:
            continue
        if _usable(made, names, row, inside, factor):
            found.append((where, inside, factor))
        if len(found) == wanted:
            break
    return found


def _weight(made: _World) -> Floats:
    size = np.sqrt(made.denominator[-1])
    return np.asarray(size / size.sum())


def _usable(
    made: _World, names: tuple[int, ...], row: Codes, inside: npt.NDArray[np.bool_], factor: float
) -> bool:
    """Whether the fault is large enough to be noticed, small enough to be one, and rightly named."""
    size = made.denominator[-1]
    held, off = float(size[inside].sum()), size * made.ratio[-1] * abs(factor - 1)
    if held < LEAST_ROWS or held > LARGEST * size.sum():
        return False
    if off[inside].sum() < NOTICEABLE * np.sqrt((made.deviations[inside] ** 2).sum() * max(factor, 1.0)):
        return False
    for fewer in combinations(names, len(names) - 1):
        wider = (made.codes[:, fewer] == row[list(fewer)]).all(axis=1)
        if held > NEEDED * size[wider].sum():
            return False
    for other in set(range(made.codes.shape[1])) - set(names):
        _values, part = np.unique(made.codes[inside, other], return_inverse=True)
        if np.bincount(part, size[inside]).max() > NEEDED * held:
            return False
    return True


def _faulted(chance: np.random.Generator, made: _World, faults: list[Fault]) -> RatioCase:
    ratio = made.ratio.copy()
    left = np.ones(len(made.codes))
    for _where, inside, factor in faults:
        own = factor * np.maximum(1 + chance.normal(0, made.spread, int(inside.sum())), 0.05)
        left[inside] = own if factor > 1 else np.minimum(left[inside], own)
    ratio[-1] *= left
    numerator = made.noise(chance, made.denominator, ratio)
    dimensions = tuple(f"d{n}" for n in range(made.codes.shape[1]))
    truth = frozenset(where for where, _inside, _factor in faults)
    return RatioCase(dimensions, made.codes, numerator, made.denominator, truth, made.mean)
