"""
How small a p-value must be: many slices in one look, and many looks a day.

What the rule over many looks remembers, `Wealth`, is a small value: how many looks there were, and which of
them found something new. Live, it is kept with the check's memory and saved together with a look's findings.
Over the past it is earned anew from the first look on, so that a walk gives the same result each time; a
single look at some time (`check run --at`) begins without any, at about the level of a check that never found
anything. A look that begins with the same memory arrives at the same findings, wherever it is made.

Source:
    Benjamini & Hochberg (1995), J. R. Stat. Soc. B 57(1); LORD++: Ramdas, Yang, Wainwright & Jordan (2017),
    "Online control of the false discovery rate with decaying memory", NeurIPS.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from pydantic import Field

from domain.detection.data.counts import Floats
from domain.values import Value

ALPHA = 0.05
FALSE_ALARMS_PER_WEEK = 0.02  # a check that never found anything may still raise this many
SLICES_FALSE_ALARMS_PER_WEEK = 0.1  # the same for a check of slices: thousands share it
SEQUENTIAL_PART = 0.5  # of the false alarms, for evidence over many windows; the rest for single ones
WEEK_SECONDS = 604_800.0
REMEMBERED = 64  # earlier discoveries that still earn level; older ones earn next to nothing
_NORM = 0.0722


class Wealth(Value):
    """The state of LORD++: looks so far, and which of them found something."""

    looks: int = 0
    found_at: tuple[int, ...] = Field(default=(), max_length=REMEMBERED + 1)


def level(
    wealth: Wealth, looks_per_week: float, alpha: float = ALPHA, allowed: float = FALSE_ALARMS_PER_WEEK
) -> float:
    """
    The level of the next look: what LORD++ allows, and never less than the false alarms `allowed` a week,
    spread over the week.

    >>> 0 < level(Wealth(looks=10_000), looks_per_week=7) < 0.05
    True
    """
    now, half = wealth.looks + 1, alpha / 2
    earned = _gamma(now) * half
    for place, found in enumerate(wealth.found_at):
        earned += (alpha - half if place == 0 else alpha) * _gamma(now - found)
    return min(alpha, max(earned, allowed / max(looks_per_week, 1e-9)))


def spend(wealth: Wealth, found: bool) -> Wealth:
    """The wealth after a look that did or did not find something."""
    looks = wealth.looks + 1
    kept = (*wealth.found_at, looks)[-REMEMBERED:] if found else wealth.found_at
    return Wealth(looks=looks, found_at=kept)


def _gamma(look: int) -> float:
    if look <= 0:
        return 0.0
    return _NORM * math.log(max(look, 2)) / (look * math.exp(math.sqrt(math.log(look))))


def benjamini_hochberg(p_values: Floats, alpha: float) -> npt.NDArray[np.bool_]:
    """
    Which of (n,) p-values are discoveries when a share `alpha` of the discoveries may be false.

    >>> benjamini_hochberg(np.array([0.001, 0.5, 0.02]), 0.05).tolist()
    [True, False, True]
    """
    if not len(p_values):
        return np.zeros(0, dtype=bool)
    order = np.argsort(p_values, kind="stable")
    passed = np.flatnonzero(p_values[order] <= alpha * np.arange(1, len(p_values) + 1) / len(p_values))
    found = np.zeros(len(p_values), dtype=bool)
    if len(passed):
        found[order[: passed[-1] + 1]] = True
    return found
