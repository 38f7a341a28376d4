"""What a column may hold: declared, or learned from what it held before."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from domain.recommender.options import Domains

MARGIN = 0.1  # of the range that history shows, on either side
MOST_CATEGORIES = 200  # a text column with more values holds names, and has no domain to learn


@dataclass(frozen=True)
class ColumnDomains:
    """What columns may hold: `ranges` (lowest, highest) of numbers, `values` of texts."""

    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


Spans = Sequence[tuple[float, float]]
"""Lowest and highest value of each window of the past in turn, NaN where it holds none."""


def learn_domains(
    keys: Domains,
    spans: Mapping[str, Spans],
    seen: Mapping[str, tuple[Collection[str], Collection[str]]],
) -> ColumnDomains:
    """
    What is declared, and for other columns what history shows: numbers may exceed their range by a tenth of
    it; text columns with up to 200 values may hold no new one.

    A column whose newest past window already broke that rule, as order numbers do every day, has no domain to
    learn.

    Args:
        seen: column → the texts of all windows of the past but the newest, and those of the newest.

    >>> spans = {"rating": [(0.0, 1.0), (0.1, 0.9)], "id": [(0, 9), (10, 19)]}
    >>> learn_domains(Domains(values={"device": ("tv",)}), spans, {})
    ColumnDomains(ranges={'rating': (-0.1, 1.1)}, values={'device': ('tv',)})
    """
    ranges = {column: span for column, held in spans.items() if (span := _settled(held)) is not None}
    values = {
        column: tuple(sorted({*earlier, *newest}))
        for column, (earlier, newest) in seen.items()
        if earlier and len({*earlier, *newest}) <= MOST_CATEGORIES and set(newest) <= set(earlier)
    }
    return ColumnDomains({**ranges, **keys.ranges}, {**values, **keys.values})


def _settled(spans: Spans) -> tuple[float, float] | None:
    """The allowed range, provided the newest window would have kept to that of the others."""
    held = [(low, high) for low, high in spans if math.isfinite(low) and math.isfinite(high)]
    if len(held) < 2:
        return None
    low, high = _widened(held[:-1])
    return _widened(held) if low <= held[-1][0] and held[-1][1] <= high else None


def _widened(spans: Spans) -> tuple[float, float]:
    low, high = min(low for low, _ in spans), max(high for _, high in spans)
    return low - MARGIN * (high - low), high + MARGIN * (high - low)
