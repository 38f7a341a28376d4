"""The answer to whether enough is logged of each slice."""

from __future__ import annotations

from domain.values import Moment, Share, Slice, Value


class SliceCoverage(Value):
    """
    What the log holds, or would hold, of a slice, as means over the `windows` in which it has requests.

    `requests` is how many there are, null where no table says; those that are `logged` represent `stands` of
    them (the sum of 1 over their probabilities) and tell as much about the slice as `effective` drawn evenly.
    `below` counts the windows in which that is fewer than a diagnosis needs, `lacks` is the share missing.
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
        """Requests per window for which the log lacks what a diagnosis needs."""
        return self.lacks * (self.stands if self.requests is None else self.requests)


class Volume(Value):
    """What is logged per day: requests, and rows of candidates and their bytes as JSON lines where known."""

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
    What a log sampled by slice would have held of past requests.

    `share` of `requests_a_day` would be logged; `needs` is how many effective requests per slice and window a
    diagnosis needs; `settings` are those planned with, by key; `slices` begin with the worst.
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

    `requests` were counted, null where no table says; `logged` are in the log and represent `stands`, give or
    take `stands_error` (a standard error). `slices` begin with the worst.
    """

    requests: float | None = None
    logged: float
    stands: float
    stands_error: float
    needs: int
    slices: tuple[SliceCoverage, ...]
    notes: tuple[str, ...] = ()
