"""
What each slice's numerator should be in the last window, given its denominator, and how it scatters.

Cells have ratios (`cell_ratio`), the whole table has a level by which all of them are off in a window, and a
slice scatters more than its cells would independently: estimated from its own past relative to that level,
shrunk towards slices of its kind and size (`overdispersion`). A count out of a count is a beta-binomial, any
other count a negative binomial, and an amount is taken as normal; how far out each lies is read from
Student's t, since few windows leave their own scatter uncertain.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.special import stdtr

from domain.detection.data.counts import Floats
from domain.detection.data.cube import Cube
from domain.detection.data.ratio_cells import RatioCells
from domain.detection.expect.cell_ratio import CellRatios, expect_cells
from domain.detection.expect.overdispersion import overdispersion_of
from domain.detection.expect.ratio import Ratios
from domain.detection.expect.seasonal_profile import learn_profiles, profile_keys
from domain.detection.expect.share import share_p_values

HALF_LIFE_WINDOWS = 56.0
MOST_PAST = 168  # the newest windows, from which slices and cells are learned
LEAST_SEEN = 3  # past windows in which a slice must have had a denominator before it is judged
NEAR = 2.0  # standard deviations within which nothing is tested exactly: no discovery lies there
LEAST_LEVEL_SD, LEAST_SCATTER = 1e-3, 1e-4
HOLIDAY = 0.25  # how much the level, and cells, may differ on a holiday, in logarithms
LEAST = 1e-9


@dataclass(frozen=True)
class Level:
    """
    The whole table's usual ratio relative to what its cells' ratios predict: `usual` in the last window, `sd`
    of a new one's in logarithms, with `freedom`; (n_windows,) what it `was`.
    """

    usual: float
    sd: float
    freedom: float
    was: Floats

    def p_value(self, level: float) -> float:
        """Two-sided p-value of a level at least as far from the usual one."""
        return float(2 * stdtr(self.freedom, -abs(np.log(max(level, LEAST) / self.usual)) / self.sd))


@dataclass(frozen=True)
class SliceRatios:
    """
    (n_slices,) of the last window: `observed` and `expected` numerators, the latter at the usual level,
    denominators, `variance` of the numerator and the Student's `freedom` of its estimate; whether a slice was
    `seen` often enough; `inflation`, how many times more its sum varies than if its cells varied
    independently. `cells` are the ratios of cells, `level` that of the whole table.
    """

    observed: Floats
    expected: Floats
    denominator: Floats
    variance: Floats
    freedom: Floats
    seen: npt.NDArray[np.bool_]
    inflation: Floats
    cells: CellRatios
    level: Level
    share: bool
    whole: bool

    def p_values(self, level: float, tested: npt.NDArray[np.bool_]) -> Floats:
        """
        (n_slices,) two-sided, relative to a table that is off by `level`; 1 for those not tested, or too
        close to the expectation to be a discovery.
        """
        expected, variance = self.expected * level, self.variance * level
        away = np.abs(self.observed - expected) / np.sqrt(np.maximum(variance, LEAST))
        far = np.flatnonzero(tested & (away > NEAR))
        p_values = np.ones(len(expected))
        n, e, v, freedom = self.observed[far], expected[far], variance[far], self.freedom[far]
        if self.share:
            d = self.denominator[far]
            part = np.clip(e / np.maximum(d, 1.0), LEAST, 1 - LEAST)
            dispersion = np.maximum(v / np.maximum(d * part * (1 - part), LEAST), 1.0)
            p_values[far] = share_p_values(n, d, part, dispersion, freedom)
        elif self.whole:
            scatter = np.maximum(v - e, 0.0) / np.maximum(e**2, LEAST)
            p_values[far] = Ratios(np.ones(len(e)), scatter, freedom + 1).p_values(n, e)
        else:
            p_values[far] = 2 * stdtr(freedom, -away[far])
        return np.clip(p_values, 0.0, 1.0)


def expect_slices(
    cells: RatioCells,
    cube: Cube,
    usable: npt.NDArray[np.bool_],
    least: float,
    least_scatter: float = 0.0,
) -> SliceRatios:
    """
    Args:
        usable: (n_windows,) those that may be learned from, the last one not among them.
        least: of a slice's denominator in the last window; below it nothing is learned of its scatter.
        least_scatter: of cells beyond counting, used if the past shows less.
    """
    least_scatter = max(least_scatter, (HOLIDAY * _part_of_holiday(cells)) ** 2)
    past = np.flatnonzero(usable)[-MOST_PAST:]
    age = len(cells.denominator) - 1 - past
    weight = 0.5 ** (age / HALF_LIFE_WINDOWS)
    n, d = cells.numerator[past], cells.denominator[past]
    alike = np.ones(len(past))
    rough = expect_cells(n, d, cells.codes, weight, alike, share=cells.share)
    was = n.sum(axis=1) / np.maximum(rough.expected(d).sum(axis=1), LEAST)
    ratios = expect_cells(n, d, cells.codes, weight, np.maximum(was, LEAST), share=cells.share)
    level = _level(cells, ratios, usable)
    now = cells.denominator[-1] * ratios.ratio * level.usual
    ratios = replace(ratios, scatter=max(ratios.scatter, least_scatter))
    variance = _variance(ratios, now)
    whole = bool(np.array_equal(cells.numerator, np.round(cells.numerator)))
    sides = np.column_stack([cells.numerator[-1], now, cells.denominator[-1], variance])
    observed, expected, denominator, own = cube.sums(sides).T
    judged = denominator >= least
    inflation, freedom = _scattered(cube, ratios, (n, d), judged)
    windows = max(float(weight.sum()), 1.0)
    return SliceRatios(
        observed,
        expected,
        denominator,
        own * inflation * (1 + 1 / windows),
        freedom,
        (cube.sums((d > 0).T.astype(np.float64)) > 0).sum(axis=1) >= min(LEAST_SEEN, len(past)),
        inflation,
        ratios,
        level,
        cells.share,
        whole,
    )


def _variance(ratios: CellRatios, expected: Floats) -> Floats:
    """(…, n_cells) variance of numerators with these expectations."""
    return np.asarray(ratios.unit * expected + ratios.scatter * expected**2)


def _level(cells: RatioCells, ratios: CellRatios, usable: npt.NDArray[np.bool_]) -> Level:
    """
    The whole table's ratio relative to that of its cells, in all windows, with its hours or weekdays. A night
    window, with few rows, scatters more in itself than a daytime one.
    """
    of_cells = cells.denominator * ratios.ratio
    due = of_cells.sum(axis=1)
    seen = cells.numerator.sum(axis=1)
    learn = usable & (due > 0) & (seen > 0)
    keys = profile_keys(cells.local_seconds(), cells.grid.width.total_seconds(), learn)
    season = np.ones(len(due))
    if keys is not None:
        profile = learn_profiles(due, seen[:, None], learn, keys)
        for at in (*np.flatnonzero(learn).tolist(), len(due) - 1):
            own = seen[at : at + 1] if learn[at] else None
            season[at] = float(profile.factor(at, own, float(due[at]))[0])
    past = np.flatnonzero(learn)
    if not len(past):
        return Level(1.0, 1.0, 1.0, np.ones(len(due)))
    logs = np.log(seen[past] / due[past] / season[past])
    weight = 0.5 ** ((len(due) - 1 - past) / HALF_LIFE_WINDOWS)
    mean = float(np.average(logs, weights=weight))
    freedom = max(len(past) - 1.0, 1.0)
    own = _variance(ratios, of_cells).sum(axis=1) / np.maximum(due, LEAST) ** 2
    scattered = float(((logs - mean) ** 2).sum() / freedom)
    by_chance = float(own[past].mean())
    besides = max(scattered - by_chance, 0.0)
    scattered *= (besides + float(own[-1])) / max(besides + by_chance, LEAST)
    sd = float(np.sqrt(scattered * (1 + 1 / len(past))))
    usual = float(np.exp(mean)) * float(season[-1])
    sd = float(np.hypot(max(sd, LEAST_LEVEL_SD), HOLIDAY * _part_of_holiday(cells)))
    return Level(usual, sd, freedom, seen / np.maximum(due, LEAST))


def _part_of_holiday(cells: RatioCells) -> float:
    """How much of the last window is a holiday or the edge of one."""
    special = cells.grid.special_days()
    last = cells.first + len(cells.denominator) - 1
    return 0.0 if special is None else float(special.holiday[last] + special.edge[last])


def _scattered(
    cube: Cube, ratios: CellRatios, past: tuple[Floats, Floats], judged: npt.NDArray[np.bool_]
) -> tuple[Floats, Floats]:
    """
    (n_slices,) how many times more a slice's sum varied than if its cells varied independently, and the
    freedom of that estimate, from past windows (numerators, denominators) relative to the whole table's level
    in each.
    """
    n, d = past
    due = ratios.expected(d)
    windows = len(n)
    sums = [cube.sums(side.T)[judged] for side in (n - due, _variance(ratios, due))]
    off, variance = sums
    usual = cube.sums(due.mean(axis=0))[judged]
    with np.errstate(invalid="ignore", divide="ignore"):
        surprises = np.where(variance > 0, off / np.sqrt(variance), np.nan).T
    surprises *= np.sqrt(windows / max(windows - 1, 1))
    scatter = overdispersion_of(surprises, usual, np.zeros(len(usual), dtype=bool))
    inflation, freedom = np.ones(cube.count), np.ones(cube.count)
    inflation[judged], freedom[judged] = scatter.dispersion, scatter.freedom
    inflation[0] = 1.0  # the level is judged by what it was
    return inflation, freedom
