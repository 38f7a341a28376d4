"""The same work by every contender, in turns, so that a busy minute of the machine falls on all of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.store import crew as work
from benchmarks.store.contender import Bare, Contender
from benchmarks.store.crew import START_SECONDS, Crew

Kind = type[Contender]
Urls = Mapping[Kind, str]


@dataclass(frozen=True)
class Figures:
    """One figure for each round, by contender."""

    by: Mapping[Kind, Sequence[float]]

    def ratio(self, kind: Kind, to: Kind = Bare) -> float:
        """The median over the rounds of one figure to the other's of the same round."""
        return median(mine / other for mine, other in zip(self.by[kind], self.by[to], strict=True))

    def median(self, kind: Kind) -> float:
        """In the figure's own unit."""
        return median(self.by[kind])


def in_turns(urls: Urls, rounds: int, measure: Callable[[Kind, str], float]) -> Figures:
    """`measure` for each contender in each round; every other round begins at the other end."""
    found: dict[Kind, list[float]] = {kind: [] for kind in urls}
    for number in range(rounds):
        order = list(urls) if number % 2 == 0 else list(urls)[::-1]
        for kind in order:
            found[kind].append(measure(kind, urls[kind]))
    return Figures(found)


def appends(crew: Crew, urls: Urls, rounds: int, seconds: float, batch: int, writers: int) -> Figures:
    """Events a second of all writers together; numbering, which ours leaves for later, is not included."""

    def measure(kind: Kind, url: str) -> float:
        asked = (work.write, kind, url, time.time() + START_SECONDS, seconds, batch)
        rate = sum(crew.all(*asked)) if writers > 1 else crew.one(*asked)
        crew.one(work.settle, kind, url)
        return rate

    return in_turns(urls, rounds, measure)


def replays(crew: Crew, urls: Urls, rounds: int) -> Figures:
    """Events a second."""

    def measure(kind: Kind, url: str) -> float:
        events, seconds = crew.one(work.replay, kind, url)
        return events / seconds

    return in_turns(urls, rounds, measure)


def loads(crew: Crew, urls: Urls, rounds: int, streams: Mapping[Kind, Sequence[str]]) -> Figures:
    """Milliseconds, the p50 of each round."""

    def measure(kind: Kind, url: str) -> float:
        return median(crew.one(work.load, kind, url, list(streams[kind])))

    return in_turns(urls, rounds, measure)
