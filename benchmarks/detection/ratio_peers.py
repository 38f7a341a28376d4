"""What others would name in a ratio's cells: each is told that something is wrong, and names the slices."""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmarks.detection.ratio_cubes import Floats, RatioCase
from domain.diagnosis.localise import localise
from domain.values import Slice

LEAST_EP, ENOUGH_EP = 0.1, 0.67  # of the whole change, explained by an element and by a set: the paper's own
MOST_NAMED = 8


def scanned(case: RatioCase) -> frozenset[Slice]:
    """A greedy scan over the cells: numerators against denominators times the whole table's past ratio."""
    names = {
        name: [case.value(at, code) for code in case.codes[:, at]] for at, name in enumerate(case.dimensions)
    }
    usual = case.numerator[:-1].sum() / case.denominator[:-1].sum()
    cells = pd.DataFrame(
        {**names, "observed": case.numerator[-1], "expected": case.denominator[-1] * float(usual)}
    )
    return frozenset(one.slice for one in localise(cells, case.dimensions, 3, most=MOST_NAMED))


def adtributor(case: RatioCase) -> frozenset[Slice]:
    """
    Values of the one dimension that explains the ratio's change with the most surprise.

    Source:
        Bhagwan et al. (2014), "Adtributor: Revenue debugging in advertising systems", USENIX NSDI, with
        section 4.3 for ratios.
    """
    forecast = [side[:-1].mean(axis=0) for side in (case.numerator, case.denominator)]
    actual = [side[-1] for side in (case.numerator, case.denominator)]
    best: tuple[float, frozenset[Slice]] = (-1.0, frozenset())
    for at, name in enumerate(case.dimensions):
        column = case.codes[:, at]
        sides = [np.bincount(column, side).astype(np.float64) for side in (*forecast, *actual)]
        power, surprise = _explanatory(*sides), _surprise(sides[0], sides[2]) + _surprise(sides[1], sides[3])
        chosen, explained, total = list[int](), 0.0, 0.0
        for code in np.argsort(-surprise).tolist():
            if power[code] > LEAST_EP:
                chosen.append(code)
                explained, total = explained + float(power[code]), total + float(surprise[code])
            if explained > ENOUGH_EP:
                break
        if explained > ENOUGH_EP and total > best[0]:
            best = total, frozenset(((name, case.value(at, code)),) for code in chosen)
    return best[1]


def _explanatory(f1: Floats, f2: Floats, a1: Floats, a2: Floats) -> Floats:
    """The part of the ratio's change that each value explains, by its partial derivatives."""
    off = (a1 - f1) * f2.sum() - (a2 - f2) * f1.sum()
    whole = off / (f2.sum() * (f2.sum() + a2 - f2))
    return np.asarray(whole / whole.sum() if whole.sum() else whole)


def _surprise(forecast: Floats, actual: Floats) -> Floats:
    p, q = forecast / max(forecast.sum(), 1e-9), actual / max(actual.sum(), 1e-9)
    middle = (p + q) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        one = np.where(p > 0, p * np.log(p / middle), 0.0)
        other = np.where(q > 0, q * np.log(q / middle), 0.0)
    return np.asarray((one + other) / 2)
