"""At most so many of a kind in each request: a limit, which shows only where more would be due."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import poisson

from domain.diagnosis.place import Bools, Floats, inside
from domain.diagnosis.replay import Traffic
from domain.diagnosis.scene import Scene
from domain.values import Slice

MOST = 5  # a higher limit is hardly ever reached, so the log cannot show it
LEFT = 0.2  # share of the requests due to show more that may still do so: some are from before the onset
STILL = 0.5  # share of the requests due to show as many as the limit allows that have to do so
SURE = 1e-3  # chance of so few that show more


@dataclass(frozen=True)
class Shown:
    """
    Of each request, (requests,): how many items of a kind were `shown`, and in `more`, (requests, MOST + 1),
    how likely its scores made it to show more than 0, 1, 2, ... of them.
    """

    shown: Floats
    more: Floats
    weights: Floats


@dataclass(frozen=True)
class Limit:
    """The `most` that a request shows; `everywhere`: no other request speaks against it."""

    most: int
    everywhere: bool


class Limits:
    """Whether no request of a scene shows more than so many of some items."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._shown: dict[Slice, tuple[Shown, Shown]] = {}

    def of(self, items: Slice, over: Slice) -> Limit | None:
        """Of these items, which are shown less in a slice of requests."""
        if items not in self._shown:
            scene = self._scene
            times = ((scene.now, scene.labels), (scene.before, scene.labels_before))
            now, before = (shown_of(at, inside(labels, items), at.scores(at.rows)) for at, labels in times)
            self._shown[items] = now, before
        held_back = self._scene.now.per_request(inside(self._scene.labels, over).astype(float)) > 0
        return limit_of(*self._shown[items], held_back)


def shown_of(traffic: Traffic, mine: Bools, scores: Floats) -> Shown:
    """Of every request, with the rows that are of the kind, (rows,), and the scores it was ranked by."""
    counts = traffic.per_request(np.where(mine, traffic.shown(), 0.0))
    return Shown(counts, _more(traffic, mine, traffic.exposure(scores)), traffic.weights)


def limit_of(now: Shown, before: Shown, held_back: Bools) -> Limit | None:
    """
    The most that a request shows now, if that is a limit in the requests held back. It is one of all where
    none of the others shows more: those in which no more was due cannot tell.

    Args:
        held_back: (requests,) of now, those in which the kind is clearly shown less.
    """
    usual = [_usual(before, most) for most in range(MOST + 1)]
    for most in range(1, MOST + 1):
        more, as_many = _over(now, most, held_back), _over(now, most - 1, held_back)
        still = as_many.seen >= STILL * as_many.due * usual[most - 1]
        if still and more.is_limit(usual[most]):
            return Limit(most, _over(now, most, ~held_back).few(usual[most]))
    return None


@dataclass(frozen=True)
class _Over:
    """Requests that show more than a number: as many as are `seen`, and as are `due`; and a scale."""

    seen: float
    due: float
    scale: float

    def few(self, usual: float) -> bool:
        """Whether hardly any do so, measured by those due, `usual` times as many."""
        return self.seen <= LEFT * self.due * usual

    def is_limit(self, usual: float) -> bool:
        """Whether so few do so that it is no chance."""
        chance = poisson.cdf(self.seen * self.scale, self.due * usual * self.scale)
        return self.few(usual) and bool(chance <= SURE)


def _usual(before: Shown, most: int) -> float:
    """How many requests showed more than `most` for each one due to."""
    then = _over(before, most, np.ones(len(before.shown), dtype=bool))
    return then.seen / then.due if then.due > 0 else 1.0


def _over(one: Shown, most: int, requests: Bools) -> _Over:
    likely, weights = one.more[requests, most], one.weights[requests]
    due, squares = float((weights * likely).sum()), float((weights**2 * likely).sum())
    seen = float((weights * (one.shown[requests] > most)).sum())
    return _Over(seen, due, due / squares if squares else 1.0)


def _more(traffic: Traffic, mine: Bools, exposure: Floats) -> Floats:
    """
    (requests, MOST + 1) the chance of more than 0, 1, 2, ... shown, as if each were shown or not by itself:
    what one takes from another is the same before and now.
    """
    requests, chances = traffic.requests[mine], np.clip(exposure[mine], 0.0, 1.0)
    place = pd.Series(requests).groupby(requests).cumcount().to_numpy()
    exactly = np.zeros((traffic.request_count, MOST + 1))
    exactly[:, 0] = 1.0
    for turn in range(int(place.max()) + 1 if len(place) else 0):
        at, chance = requests[place == turn], chances[place == turn, None]
        one_less = np.pad(exactly[at, :-1], ((0, 0), (1, 0)))
        exactly[at] = exactly[at] * (1 - chance) + one_less * chance
    return np.clip(1.0 - np.cumsum(exactly, axis=1), 0.0, 1.0)
