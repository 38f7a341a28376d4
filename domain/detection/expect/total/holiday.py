"""
What a holiday holds: what the day of rest holds at that time, times the factor of past holidays relative to
it.

    past holidays ─▶ `learn_special` ─▶ (SpecialDay, …) ─▶ `on_special` ◀─ the holiday's windows so far

The factor of a holiday relative to the day of rest, and that of the evening before and the night after
relative to their own weekday, are normal in logarithms: before any was seen, as wide as `UNKNOWN` says; then
as wide as the spread of those seen. What the same holiday held up to the judged window narrows it, as far as
its hours follow the day of rest.

Source:
    A normal mean with a normal prior, variances pooled with those expected beforehand: Gelman et al. (2013),
    "Bayesian Data Analysis", ch. 5.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from domain.detection.data.counts import Floats
from domain.detection.data.special_days import SpecialDays
from domain.values import Value

UNKNOWN = {False: 0.7, True: 0.5}  # of a holiday, and of its edge: the factor's deviation, in logarithms,
APART, APART_SEEN = 0.25, 3.0  # that from one holiday to the next, and how many holidays that counts for,
WITHIN, WITHIN_SEEN = 0.3, 24.0  # and that of its hours from its own factor, and for how many windows
FURTHEST = 1.0  # deviations from 1 up to which a single holiday is believed
INDEPENDENT = 4.0  # most windows of one holiday that its factor is estimated from: hours err together
MOST_KEPT = 40  # learned holidays: three years of them in most countries
DRAWN = 4.0  # things that a factor is shrunk to 1 by
LEAST = 1e-9
DIGITS = 4


class SpecialDay(Value):
    """
    What one holiday (`day`, days since 1970), or its `edge`, was: the logarithm of what it held over what was
    due, with the `noise` of counting in it as a variance; and the `scatter` of its `windows` around that, as
    a relative variance beyond counting.
    """

    day: int
    edge: bool
    log: float
    noise: float
    scatter: float
    windows: int


Mask = npt.NDArray[np.bool_]


def learn_special(
    held: Floats, due: Floats, special: SpecialDays, usable: Mask, unit: float
) -> tuple[SpecialDay, ...]:
    """
    Args:
        held: (n_windows,) of the past.
        due: (n_windows,) what a day of rest (at an edge, the weekday itself) would have held; NaN where
            that is not known.
        usable: (n_windows,) those in which nothing is known to have been wrong.
        unit: what one thing counts.
    """
    found = []
    for edge, share in ((False, special.holiday), (True, special.edge)):
        mine = usable & np.isfinite(due) & (share >= 1 / 2)
        for day in np.unique(special.day[mine]).tolist():
            of_it = mine & (special.day == day)
            found.append(_seen(day, edge, held[of_it], due[of_it], unit))
    return tuple(found)


def kept_special(before: Iterable[SpecialDay], now: Iterable[SpecialDay]) -> tuple[SpecialDay, ...]:
    """Those of both, the newest version of each day, and the latest days: a holiday comes once a year."""
    by_day = {(one.day, one.edge): one for one in (*before, *now)}
    return tuple(by_day[key] for key in sorted(by_day)[-MOST_KEPT:])


def _seen(day: int, edge: bool, held: Floats, due: Floats, unit: float) -> SpecialDay:
    drawn = DRAWN * unit
    factor = float((held.sum() + drawn) / (due.sum() + drawn))
    mean = np.maximum(due * factor, LEAST)
    beyond = float(((held - mean) ** 2 - unit * mean).sum() / np.maximum((mean**2).sum(), LEAST))
    numbers = (np.log(factor), unit / (held.sum() + drawn), min(max(beyond, 0.0), 1.0))
    log, noise, scatter = (float(f"{one:.{DIGITS}g}") for one in numbers)
    return SpecialDay(day=day, edge=edge, log=log, noise=noise, scatter=scatter, windows=len(held))


def on_special(
    known: Iterable[SpecialDay], day: int, so_far: SpecialDay | None, *, edge: bool, whole_day: bool
) -> tuple[float, float]:
    """
    The factor of a window of the holiday on `day` (or at its `edge`), and its relative variance.

    Args:
        known: earlier holidays, including this one's windows as far as they were learned from.
        so_far: its windows since then.
        whole_day: whether windows are as long as the day, so that there are no hours to differ.

    >>> factor, variance = on_special([], 0, None, edge=False, whole_day=True)
    >>> factor, round(variance, 2)
    (1.0, 0.45)
    """
    mine = [one for one in known if one.edge == edge]
    seen = [one for one in mine if one.day != day]
    own = [*(one for one in mine if one.day == day), *([so_far] if so_far else [])]
    logs = _bounded(np.array([one.log for one in seen]), FURTHEST * UNKNOWN[edge])
    apart = _apart(logs, UNKNOWN[edge])
    hours = [*seen, *own]
    windows = WITHIN_SEEN + sum(one.windows for one in hours)
    within = (WITHIN_SEEN * WITHIN**2 + sum(one.windows * one.scatter for one in hours)) / windows
    mean, variance = _joined(
        (0.0, UNKNOWN[edge] ** 2), zip(logs, (apart + one.noise for one in seen), strict=True)
    )
    variance += apart
    for one in own:
        known_to = within / min(one.windows, INDEPENDENT) + one.noise
        mean, variance = _joined((mean, variance), [(one.log, known_to)])
    return float(np.exp(mean)), _relative(variance + (0.0 if whole_day else within))


def _bounded(logs: Floats, furthest: float) -> Floats:
    """
    (n,) the two outermost pulled in to the next ones, or to `furthest` if those lie nearer: one holiday that
    far out may have been a fault that nobody reported, two show how holidays are.
    """
    if not len(logs):
        return logs
    ordered = np.sort(logs)
    low, high = (ordered[1], ordered[-2]) if len(logs) > 1 else (0.0, 0.0)
    return np.asarray(np.clip(logs, min(low, -furthest), max(high, furthest)))


def _relative(variance: float) -> float:
    """
    The relative variance of a gamma distribution whose logarithm has this variance: its trigamma function, to
    the second order.
    """
    return 2 * variance / (1 + float(np.sqrt(1 + 2 * variance)))


def _apart(logs: Floats, unknown: float) -> float:
    """
    The variance from one holiday to the next, pooled with the prior; among few of them, one may have been a
    fault that nobody reported.
    """
    if not len(logs):
        return APART**2
    off = float(((logs - logs.mean()) ** 2).sum())
    return (APART_SEEN * APART**2 + off) / (APART_SEEN + len(logs) - 1) + (unknown / len(logs)) ** 2 / 2


def _joined(prior: tuple[float, float], seen: Iterable[tuple[float, float]]) -> tuple[float, float]:
    """Mean and variance under a normal prior, after values that were seen with their variances."""
    precision, sum_of = 1 / prior[1], prior[0] / prior[1]
    for value, variance in seen:
        precision, sum_of = precision + 1 / variance, sum_of + value / variance
    return sum_of / precision, 1 / precision
