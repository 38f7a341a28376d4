"""
Which requests are logged: a uniform share of all requests, and enough of every slice.

A request is taken if the hash of its id, a number from 0 to 1, lies below a threshold. The thresholds of
all its slices are compared with the same hash, so the largest of them decides, and one row serves as many
slices as it can. Each threshold follows from earlier requests alone, never from this one or later ones: the
decision is made at once, its probability is known with it, and weights of one over that probability make
sums over the log unbiased.

A bottom-k sample, the k smallest hashes of a slice in a window, is known only when the window has ended:
until then k records per slice would have to be held in memory. Here the decision is made on the fly: for the
i-th request the threshold is k / i, as high as bottom-k's would be then, and at most a rate. It is higher
if by chance the slice falls behind k of its first k / rate requests: with r rows still to be taken from the
next m, it is r / m. So rows are worth about k drawn evenly or more, however many requests follow; nothing
has to be known about the previous window; and bursts, restarts and new slices get their rows too.

Source:
    Horvitz & Thompson (1952), J. Am. Stat. Assoc. 47: weights. Duffield, Lund & Thorup (2007), J. ACM 54(6),
    priority sampling: thresholds. Cohen & Kaplan (2007), PODC, and (2009), SIGMETRICS: bottom-k sketches, one
    hash for all. Ting (2022), SIGMOD, Adaptive Threshold Sampling: thresholds that change with what came
    before. Fan, Muller & Rezucha (1962), J. Am. Stat. Assoc. 57: r of the next m, one by one.
"""

from __future__ import annotations

import hashlib
import math
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

Key = tuple[object, ...]

WAIT_SECONDS = 0.000_05
"""How long a request waits for another thread's; after that it has the uniform share alone."""
MOST_WINDOWS = 8  # ended ones that nobody has collected, as when a disk hangs; older ones are discarded
WHOLE = 2**64


@dataclass(frozen=True)
class Slices:
    """
    The slices of requests of which enough is logged.

    Args:
        dimensions: names, and tuples of names for slices of several dimensions: `("country", "device",
                ("country", "device"))`. Values are texts, or made into texts; an unset value is a slice too.
        k: requests logged per slice and window, for slices that have `k / max_rate` or more.
        window_seconds: windows are counted from 1970 on, so that all processes have the same.
        max_rate: largest part (0–1) of a slice's requests that is logged, on average: smaller slices have
            this part of theirs logged.
        processes: how many share the traffic; each logs its part of `k`.
        max_slices: how many are tracked in one window; any beyond that have the uniform share alone.

    Raises:
        ValueError: there is no dimension, or a number is out of range.
    """

    dimensions: Sequence[str | Sequence[str]]
    k: int = 30
    window_seconds: float = 600.0
    max_rate: float = 0.05
    processes: int = 1
    max_slices: int = 50_000

    def __post_init__(self) -> None:
        if not self.dimensions or not all(self.dimensions):
            raise ValueError("dimensions names nothing; write for instance ['country', 'device']")
        for name, number in (("k", self.k), ("processes", self.processes), ("max_slices", self.max_slices)):
            if number < 1:
                raise ValueError(f"{name} is {number}; it has to be 1 or more")
        if not self.window_seconds > 0:
            raise ValueError(f"window_seconds is {self.window_seconds}; it has to be above 0")
        if not 0 < self.max_rate <= 1:
            raise ValueError(f"max_rate is {self.max_rate}; it has to be above 0 and at most 1")

    @property
    def sets(self) -> tuple[tuple[str, ...], ...]:
        """The dimensions, each as a tuple of names."""
        return tuple((one,) if isinstance(one, str) else tuple(one) for one in self.dimensions)


@dataclass
class Window:
    """
    What was counted in one window of time; times in seconds since 1970.

    Attributes:
        seen, taken: requests. `hurried` had the uniform share alone, because another thread held the counts;
            `untracked` are slices of requests that came after `max_slices` others.
        counts: slice → [requests seen, requests taken]; a slice is the position of its dimensions among those
            declared, followed by its values.
    """

    start: float
    seen: int = 0
    taken: int = 0
    hurried: int = 0
    untracked: int = 0
    counts: dict[Key, list[int]] = field(default_factory=dict)


def place_of(request_id: object) -> int:
    """The hash of a request's id, from 0 to 2⁶⁴: the same in every process."""
    return int.from_bytes(hashlib.blake2b(str(request_id).encode(), digest_size=8).digest(), "big")


class SliceSampler:
    """
    Samples requests as they come; safe to call from many threads.

    In each window, a slice of `k / max_rate` requests or more has at least `k` of them taken, in whatever
    order they come; one of several processes takes its part of `k` from its own requests. Memory is two
    numbers per slice.

    Raises:
        ValueError: the share is not above 0; without it, requests that no slice needs have no chance to be
                logged, and no estimate is unbiased.
    """

    def __init__(self, slices: Slices, share: float) -> None:
        if not 0 < share <= 1:
            raise ValueError(f"share is {share}; beside slices it has to be above 0 and at most 1")
        self.slices, self.share = slices, share
        self.ended: deque[Window] = deque(maxlen=MOST_WINDOWS)
        self._sets = slices.sets
        self._rows = math.ceil(slices.k / slices.processes)
        self._requests = math.floor(round(self._rows / slices.max_rate, 9))  # 20 / 0.05 is 400 to the digit
        self._rate = self._rows / self._requests
        self._lock = threading.Lock()
        self._window = Window(0.0)
        self._until = -math.inf

    def draw(self, request_id: object, values: Mapping[str, object], at: float | None = None) -> float:
        """
        The probability with which this request is taken, if it is taken; otherwise 0.0.

        Args:
            values: dimension → the request's value.
            at: when it came, in seconds since 1970; now, if not given.
        """
        place = place_of(request_id)
        if not self._lock.acquire(timeout=WAIT_SECONDS):
            self._window.hurried += 1
            return self.share if place < self.share * WHOLE else 0.0
        try:
            return self._drawn(place, values, time.time() if at is None else at)
        finally:
            self._lock.release()

    def end(self) -> None:
        """End the current window, so that its counts are among those `ended`."""
        with self._lock:
            self._until = -math.inf
            if self._window.seen:
                self.ended.append(self._window)
                self._window = Window(0.0)

    def _drawn(self, place: int, values: Mapping[str, object], at: float) -> float:
        if at >= self._until:
            self._begin(at)
        window = self._window
        chance, counts = self.share, []
        for number, names in enumerate(self._sets):
            key: Key = (number, *(_text(values.get(name)) for name in names))
            count = window.counts.get(key)
            if count is None:
                if len(window.counts) >= self.slices.max_slices:
                    window.untracked += 1
                    continue
                count = window.counts[key] = [0, 0]
            counts.append(count)
            seen, taken = count
            left = self._requests - seen
            if left > 0:
                chance = max(chance, self._rate, (self._rows - taken) / left)
            else:
                chance = max(chance, self._rows / (seen + 1))
        takes = place < chance * WHOLE
        for count in counts:
            count[0] += 1
            count[1] += takes
        window.seen += 1
        window.taken += takes
        return chance if takes else 0.0

    def _begin(self, at: float) -> None:
        """Begin the window that holds `at`; whoever collects the previous one also frees its memory."""
        if self._window.seen:
            self.ended.append(self._window)
        width = self.slices.window_seconds
        start = math.floor(at / width) * width
        self._window, self._until = Window(start), start + width


def _text(value: object) -> str | None:
    return value if value is None or isinstance(value, str) else str(value)
