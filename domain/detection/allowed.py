"""Values that a column never held: outside its range, of no known category, not finite."""

from __future__ import annotations

import math
from collections.abc import Mapping
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


def learn_allowed(
    check: Check, seen_ranges: Mapping[str, tuple[float, float]], seen_values: Mapping[str, tuple[str, ...]]
) -> Allowed:
    """
    What is declared, and for other columns what history shows: numbers may go a tenth of their range beyond
    it, of texts with up to 200 values none may be new.

    >>> check = Check(name="c", kind="domain", values={"device": ("tv",)})
    >>> learn_allowed(check, {"rating": (0.0, 1.0)}, {"device": ("tv", "web")})
    Allowed(ranges={'rating': (-0.1, 1.1)}, values={'device': ('tv',)})
    """
    ranges = {
        column: (low - MARGIN * (high - low), high + MARGIN * (high - low))
        for column, (low, high) in seen_ranges.items()
        if math.isfinite(low) and math.isfinite(high)
    }
    values = {column: held for column, held in seen_values.items() if 0 < len(held) <= MOST_CATEGORIES}
    return Allowed({**ranges, **check.ranges}, {**values, **check.values})


def judge_domain(
    check: Check, tally: Tally, state: CheckState, looks_per_week: float | None = None
) -> Verdict:
    """
    Whether more rows than usual hold what they should not. The tally's columns are told as `rating outside
    0–1`, `a new device` or `rating not finite`. See `wrong.judge_rows`.
    """
    return judge_rows(check, tally, state, looks_per_week, WORDS)
