"""
What each cell's numerator should be, given its denominator: from its own past as far as that is informative,
otherwise from what the values of its dimensions do elsewhere.

A cell that has only ever had ten rows has no meaningful ratio of its own. So a ratio is first built from main
effects (a country's, a device's), and a cell's own past is weighed against it by how much cells usually
differ from their main effects: a gamma prior, whose width is estimated over all cells.

Source:
    Main effects by proportional fitting: Deming & Stephan (1940), Ann. Math. Stat. 11(4); the gamma–Poisson
    prior by moments: Clayton & Kaldor (1987), Biometrics 43(3).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from domain.detection.data.counts import Floats
from domain.detection.data.ratio_cells import Codes

PASSES = 4
PRIOR_ROWS = 4.0  # expected rows that the whole table's ratio counts for beside a value's own
LEAST, MOST_VARIANCE = 1e-9, 4.0
LEAST_UNIT = 0.05  # for a share near one
EXACT = 1e-6  # of a usual amount; a variance below this counts as none
FAR = 16.0  # squared standard deviations: a cell further off says no more about the usual scatter
ROUNDS = 6
DENSE, LEAST_CELLS, QUARTERS = 5.0, 16, 4  # of the cells by which one window is judged
MAD_TO_SD = 1.4826
HALF_OF_COUNTING = 0.5  # a scatter smaller than this beside counting noise cannot be seen in one window


@dataclass(frozen=True)
class CellRatios:
    """
    (n_cells,) `ratio`; its relative variance `unknown`, which the past leaves open; `unit`, the variance of a
    numerator over its mean by counting alone (1 for a Poisson); `scatter`, the relative variance from window
    to window beyond that; and (n_windows,) the whole table's `season`.
    """

    ratio: Floats
    unknown: Floats
    unit: Floats
    scatter: float
    season: Floats

    def expected(self, denominator: Floats) -> Floats:
        """(n_windows, n_cells) numerators."""
        return np.asarray(self.season[:, None] * denominator * self.ratio)


def expect_cells(
    numerator: Floats,
    denominator: Floats,
    codes: Codes,
    weight: Floats,
    season: Floats,
    *,
    share: bool,
) -> CellRatios:
    """
    Args:
        numerator, denominator: (n_windows, n_cells) of the past.
        weight: (n_windows,) how much each window counts, 0 where nothing is to be learned.
        season: (n_windows,) the whole table's ratio in each, relative to its overall ratio.
        share: whether the numerator counts some of what the denominator counts.
    """
    n, d = weight @ numerator, weight @ (denominator * season[:, None])
    overall = float(n.sum()) / max(float(d.sum()), LEAST)
    main = _main_effects(n, d * overall, codes) * overall
    learn = weight > 0
    y, x = numerator[learn], (denominator * season[:, None])[learn]
    whole = bool(np.array_equal(y, np.round(y)))
    own = np.maximum((y.sum(axis=0) + main) / (x.sum(axis=0) + 1.0), LEAST)
    # The amount in a row scatters more the larger it is: minutes vary more among those who stay longer.
    size = np.ones(len(main)) if whole else np.maximum(np.abs(main), LEAST)
    unit, scatter = _variance(y / size, x * own / size, counted=whole)
    units = np.maximum(unit * (1 - main), LEAST_UNIT) if share else unit * size
    due = np.maximum(d * main, LEAST)
    between = _between(n, due, units)
    shape = 1 / max(between, LEAST)
    ratio = main * (n / units + shape) / (due / units + shape)
    if share:
        ratio = np.minimum(ratio, 1.0)
    windows = max(float(weight.sum()), 1.0)
    unknown = 1 / (due / units + shape) + scatter / windows
    return CellRatios(np.maximum(ratio, LEAST), unknown, units, scatter, season)


def _main_effects(n: Floats, due: Floats, codes: Codes) -> Floats:
    """(n_cells,) factors of the overall ratio: the product of the effects of each dimension's value."""
    factor = np.ones(len(n))
    for _pass in range(PASSES):
        for column in codes.T:
            seen, expected = np.bincount(column, n), np.bincount(column, due * factor)
            factor *= ((seen + PRIOR_ROWS) / (expected + PRIOR_ROWS))[column]
    return factor


def _variance(y: Floats, due: Floats, *, counted: bool) -> tuple[float, float]:
    """
    (unit, scatter) of a variance unit · m + scatter · m² around a mean m, by weighted least squares; counts
    (whole numbers) scatter at least as much as a Poisson.
    """
    held = due > LEAST
    mean, square = due[held], (y[held] - due[held]) ** 2
    windows = len(y)
    square = square * windows / max(windows - 1, 1)
    unit, scatter, least = 1.0, 0.0, 1.0
    if not counted:
        unit = float(square.sum() / max(mean.sum(), LEAST))
        least = EXACT * float(mean.mean()) if len(mean) else LEAST
        unit = max(unit, least)
    for _round in range(ROUNDS):
        fit = unit * mean + scatter * mean**2
        fresh = np.minimum(square, FAR * fit)
        w = 1 / fit**2
        a, b, c = (w * mean**2).sum(), (w * mean**3).sum(), (w * mean**4).sum()
        one, two = (w * mean * fresh).sum(), (w * mean**2 * fresh).sum()
        determinant = a * c - b * b
        if determinant > LEAST * a * c:
            scatter = float(np.clip((a * two - b * one) / determinant, 0.0, MOST_VARIANCE))
        unit = float((one - b * scatter) / max(a, LEAST))
        if unit < least:
            unit = least
            scatter = float(np.clip((two - unit * b) / max(c, LEAST), 0.0, MOST_VARIANCE))
    return unit, scatter


def _between(n: Floats, due: Floats, units: Floats) -> float:
    """The relative variance of cells' ratios around their main effects, by moments."""
    variance = units * due
    between = 0.0
    for _round in range(ROUNDS):
        w = 1 / (variance + between * due**2) ** 2
        square = np.minimum((n - due) ** 2, FAR * (variance + between * due**2))
        between = float((w * due**2 * (square - variance)).sum() / max(float((w * due**4).sum()), LEAST))
        between = float(np.clip(between, 0.0, MOST_VARIANCE))
    return between


def scatter_now(observed: Floats, expected: Floats) -> float:
    """
    The relative variance, beyond counting, of the cells of one window around their expected values, estimated
    from the shortest half of their distances among cells of similar size: as long as most cells are calm,
    that half is calm, however far off the others are. In units of counting; 0 if there are few cells.

    Source:
        The shortest half: Rousseeuw & Leroy (1987), Robust Regression and Outlier Detection, ch. 4.
    """
    dense = (expected >= DENSE) & (observed > 0)
    if dense.sum() < LEAST_CELLS:
        return 0.0
    o, e = observed[dense], expected[dense]
    relative = 2 * (o - e) / (o + e)
    parts = np.array_split(np.argsort(e), QUARTERS)
    beyond = [_shortest_half(relative[part]) - 1 / float(np.median(e[part])) for part in parts]
    found = float(np.median(beyond))
    return found if found * float(np.median(e)) > HALF_OF_COUNTING else 0.0


def _shortest_half(values: Floats) -> float:
    """The variance of the normal distribution whose shortest half is equally short."""
    ordered, half = np.sort(values), len(values) // 2 + 1
    return float((MAD_TO_SD * (ordered[half - 1 :] - ordered[: len(ordered) - half + 1]).min() / 2) ** 2)
