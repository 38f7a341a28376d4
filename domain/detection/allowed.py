"""Values that a column never held: outside its range, of no known category, not finite."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from domain.detection.state import CheckState, Verdict
from domain.detection.tally import Tally
from domain.detection.wrong import Words, judge_rows
from domain.recommender.check import Check

MARGIN = 0.1  # of the range that history shows, on either side
MOST_CATEGORIES = 200  # a text column with more values is a name, and has no domain to learn

WORDS = Words(
    says=lambda columns, share: f"{columns} in {share} of the rows",
    unit=lambda column: f"rows with {column}",
    least_share=0.001,
)


@dataclass(frozen=True)
class Allowed:
    """What columns may hold: `ranges` (lowest, highest) of numbers, `values` of texts."""

    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


Spans = Sequence[tuple[float, float]]
"""Lowest and highest value of each window of the past in turn, NaN where it holds none."""


def learn_allowed(
    check: Check,
    spans: Mapping[str, Spans],
    seen: Mapping[str, tuple[Collection[str], Collection[str]]],
) -> Allowed:
    """
    What is declared, and for other columns what history shows: numbers may go a tenth of their range beyond
    it, of texts with up to 200 values none may be new.

    A column whose newest window of the past broke that rule already, as the number of an order does each day,
    has nothing to be learned.

    Args:
        seen: column → the texts of all windows of the past but the newest, and those of the newest.

    >>> check = Check(name="c", kind="domain", values={"device": ("tv",)})
    >>> learn_allowed(check, {"rating": [(0.0, 0.9), (0.1, 1.0)], "id": [(0, 9), (10, 19)]}, {})
    Allowed(ranges={'rating': (-0.1, 1.1)}, values={'device': ('tv',)})
    """
    ranges = {column: span for column, held in spans.items() if (span := _settled(held)) is not None}
    values = {
        column: tuple(sorted({*earlier, *newest}))
        for column, (earlier, newest) in seen.items()
        if earlier and len({*earlier, *newest}) <= MOST_CATEGORIES and set(newest) <= set(earlier)
    }
    return Allowed({**ranges, **check.ranges}, {**values, **check.values})


def _settled(spans: Spans) -> tuple[float, float] | None:
    """The range that may be held, if the newest window would have kept to that of the others."""
    held = [(low, high) for low, high in spans if math.isfinite(low) and math.isfinite(high)]
    if len(held) < 2:
        return None
    low, high = _widened(held[:-1])
    return _widened(held) if low <= held[-1][0] and held[-1][1] <= high else None


def _widened(spans: Spans) -> tuple[float, float]:
    low, high = min(low for low, _ in spans), max(high for _, high in spans)
    return low - MARGIN * (high - low), high + MARGIN * (high - low)


def judge_domain(
    check: Check, tally: Tally, state: CheckState, looks_per_week: float | None = None
) -> Verdict:
    """
    Whether more rows than usual hold what they should not. The tally's columns are told as `rating outside
    0–1`, `a new device` or `rating not finite`. See `wrong.judge_rows`.
    """
    return judge_rows(check, tally, state, looks_per_week, WORDS)
