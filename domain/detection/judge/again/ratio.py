"""The ratio of a finding measured again: is it back to what its own past predicts?"""

from __future__ import annotations

import numpy as np
from scipy.special import stdtr, stdtrit

from domain.detection.data.counts import Floats
from domain.detection.data.ratio_cells import RatioCells, is_share, rarer_side
from domain.detection.judge.again.measure import Measurement
from domain.errors import TooFewRows
from domain.values import Finding

HALF_LIFE_WINDOWS = 56.0
LEAST_PAST = 4  # windows in which the slice had a denominator
WITHIN = 0.95  # of the band


def measure_ratio(
    finding: Finding, past: RatioCells, present: RatioCells, least_change: float
) -> Measurement:
    """
    A slice's ratio over the present window, of any length, against its ratio in the windows of the past.

    The band covers where a new window's ratio lies 95 times in 100, and changes up to half of `least_change`.

    Raises:
        TooFewRows: the slice was not there before, or there is nothing to divide by now.
    """
    n, d = _sides(past, finding)
    now_n, now_d = (float(side[0]) for side in _sides(present, finding))
    known = past.known & (d > 0)
    if int(known.sum()) < LEAST_PAST or now_d <= 0:
        raise TooFewRows(
            f'table "{finding.table}": too short a past of this slice, or nothing to divide by now; '
            "it is too early to measure"
        )
    share = is_share(past.numerator, past.denominator) and is_share(present.numerator, present.denominator)
    turned = share and rarer_side(past) is not past
    if turned:
        n, now_n = d - n, now_d - now_n
    weight = 0.5 ** ((len(d) - 1 - np.flatnonzero(known)) / HALF_LIFE_WINDOWS)
    usual, variance = _usual(n[known], d[known], weight, now_d, share=share)
    freedom = float(known.sum() - 1)
    observed = now_n / now_d
    sd = float(np.sqrt(variance)) / now_d
    reach = max(float(stdtrit(freedom, (1 + WITHIN) / 2)) * sd, abs(usual) * least_change / 2)
    p_value = float(2 * stdtr(freedom, -abs(observed - usual) / max(sd, 1e-12)))
    low, high = usual - reach, usual + reach
    if turned:
        observed, usual, low, high = 1 - observed, 1 - usual, 1 - high, 1 - low
    return Measurement(observed=observed, expected=usual, low=low, high=high, p_value=min(p_value, 1.0))


def _sides(cells: RatioCells, finding: Finding) -> tuple[Floats, Floats]:
    inside = cells.inside(finding.slice)
    return cells.numerator[:, inside].sum(axis=1), cells.denominator[:, inside].sum(axis=1)


def _usual(n: Floats, d: Floats, weight: Floats, now: float, *, share: bool) -> tuple[float, float]:
    """
    The usual ratio, and the variance of a numerator over `now`: the scatter of past windows around it, of
    which a part grows with the denominator and a part with its square, and the uncertainty that so short a
    past leaves.
    """
    ratio = float((weight * n).sum() / (weight * d).sum())
    squares = (n - ratio * d) ** 2 * len(n) / max(len(n) - 1, 1)
    whole = bool(np.array_equal(n, np.round(n)))
    # Half a count: a slice that never had one may still get one by chance.
    mean = max(ratio, 0.5 / float(d.sum())) if whole else abs(ratio)
    unit = mean * ((1 - mean) if share else 1.0) if whole else float(squares.sum() / d.sum())
    beyond = float((squares - unit * d).sum() / (d**2).sum()) if whole else 0.0
    variance = unit * now + max(beyond, 0.0) * now**2
    return ratio, variance * (1 + 1 / float(weight.sum()))
