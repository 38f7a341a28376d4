"""The answer to whether enough is logged of each slice."""

from __future__ import annotations

from domain.values import Moment, Share, Slice, Value


class SliceCoverage(Value):
    """
    What the log holds, or would hold, of a slice: means over the `windows` in which it has requests.

    `requests` there are, null where no table says; those that are `logged` stand for so many (`stands`, the
    sum of 1 over their probabilities) and say as much of the slice as `effective` drawn evenly. `below` is in
    how many windows that is fewer than a diagnosis needs, and `lacks` the share of it that is lacking.
    """

    slice: Slice
    windows: int
    requests: float | None = None
    stands: float
    logged: float
    effective: float
    below: int
    lacks: Share

    @property
    def unseen(self) -> float:
        """Requests a window, as far as the log lacks what a diagnosis of them needs."""
        return self.lacks * (self.stands if self.requests is None else self.requests)


class Volume(Value):
    """What is logged a day: requests, and rows of candidates and their bytes as JSON lines where known."""

    requests: float
    rows: float | None = None
    bytes: float | None = None


class Span(Value):
    """`windows` windows of `window_seconds` each, from `start` to `end`, of the requests in `table`."""

    model: str
    table: str
    start: Moment
    end: Moment
    windows: int
    window_seconds: float


class LoggingPlan(Span):
    """
    What a log by slice would hold of the requests that there were.

    `share` of `requests_a_day` would be taken; `needs` is how many effective requests of a slice in a window
    a diagnosis needs; `settings` are those planned with, by their keys; `slices` begin with the worst.
    """

    requests_a_day: float
    share: Share
    volume: Volume
    needs: int
    settings: dict[str, float]
    slices: tuple[SliceCoverage, ...]
    notes: tuple[str, ...] = ()


class LoggingCoverage(Span):
    """
    What the log holds of each slice.

    `requests` were counted, null where no table says; `logged` are in the log and `stands` for so many, give
    or take `stands_error` (a standard error). `slices` begin with the worst.
    """

    requests: float | None = None
    logged: float
    stands: float
    stands_error: float
    needs: int
    slices: tuple[SliceCoverage, ...]
    notes: tuple[str, ...] = ()
