"""The answer to whether enough is logged of each slice."""

from __future__ import annotations

from domain.values import Moment, Share, Slice, Value

DAY_SECONDS = 86_400.0


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


class LoggingCoverage(Value):
    """
    What the log holds of each slice, or would hold with these `settings` (by key; null if it was looked at).

    It is about `windows` windows of `window_seconds` each, from `start` to `end`, of the requests in `table`.
    `requests` were counted, null where no table says; `logged` are in the log and represent `stands`, give or
    take `stands_error` (a standard error). A plan also says the rows and bytes (as JSON lines) per day, where
    the log shows how large they are. A diagnosis `needs` so many effective requests per slice and window;
    `slices` begin with the worst.
    """

    model: str
    table: str
    start: Moment
    end: Moment
    windows: int
    window_seconds: float
    settings: dict[str, float] | None = None
    requests: float | None = None
    logged: float
    stands: float
    stands_error: float = 0.0
    rows_a_day: float | None = None
    bytes_a_day: float | None = None
    needs: int
    slices: tuple[SliceCoverage, ...]
    notes: tuple[str, ...] = ()

    def a_day(self, count: float) -> float:
        """What is counted over all windows, per day."""
        return count / (self.windows * self.window_seconds / DAY_SECONDS)
