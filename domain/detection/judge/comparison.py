"""What a look compared: the judged window of one series with what was expected of it at that time."""

from __future__ import annotations

from domain.values import Moment, Slice, Value


class Comparison(Value):
    """
    `observed` and `expected`, both in `unit`, and `low`–`high`, the band in which it is as usual: the very
    numbers that were judged, whether or not anything was found. `observed` is None if there was no value.

    `slice` and `subject` (a column, an item) say what it is about, as in a finding.
    """

    slice: Slice = ()
    subject: str | None = None
    unit: str = "rows"
    window_start: Moment
    window_end: Moment
    observed: float | None
    expected: float
    low: float
    high: float
