"""Requests that do not show the candidates with the best scores: another order, not other scores."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from domain.diagnosis.place import Bools, Floats, Placed, inside, place_of
from domain.diagnosis.replay import Traffic
from domain.diagnosis.scene import Scene

ORDERED = 0.75  # share of the pairs before, from which on scores do order what is shown
NEAR_CHANCE = 0.25  # of the way from no order at all to the usual one: a filter leaves more of it
PURE = 0.5  # share of a slice's requests that are out of order, from which on the slice is named
MOST_BEFORE = 0.5  # of that share before: then it is how serving has always been


@dataclass(frozen=True)
class OutOfOrder:
    """
    The slice of requests that is out of order, and the share (0–1) of pairs of a candidate that is shown and
    one that is not in which the first has the better score: `now` and `before`. `requests`: how many of its
    requests are logged.
    """

    placed: Placed
    now: float
    before: float
    requests: int


def out_of_order(scene: Scene) -> OutOfOrder | None:
    """Null where what is shown follows the scores as before, or never did."""
    if scene.now.columns.shown is None:
        return None
    now, before = (in_order(one, one.scores(one.rows)) for one in (scene.now, scene.before))
    usual = float(np.nanmedian(before)) if np.isfinite(before).any() else 0.0
    if usual < ORDERED or not np.isfinite(now).any():
        return None
    least = 0.5 + NEAR_CHANCE * (usual - 0.5)
    requests = [_requests(scene, scene.now), _requests(scene, scene.before)]
    broken: Bools = now < least
    known = np.isfinite(now)
    placed = place_of(requests[0][known], broken[known], scene.of_requests)
    held, then = inside(requests[0], placed.slice) & known, inside(requests[1], placed.slice)
    always = float((before[then] < least).mean()) if then.any() else 0.0
    if placed.purity < PURE or always > MOST_BEFORE * placed.purity:
        return None
    was = before[then & np.isfinite(before)]
    earlier = float(was.mean()) if len(was) else usual
    return OutOfOrder(placed, float(now[held].mean()), earlier, int(held.sum()))


def in_order(traffic: Traffic, scores: Floats) -> Floats:
    """
    (requests,) share of pairs of a shown and an unshown candidate in which the shown one scores higher; 0.5
    by chance, NaN where all or none are shown.

    Source:
        The statistic of Mann & Whitney (1947), Ann. Math. Stat. 18(1), over the number of pairs.
    """
    shown = traffic.shown()
    ranks = pd.Series(scores).groupby(traffic.requests).rank().to_numpy(float)
    some, others, total = map(traffic.per_request, (shown, 1 - shown, shown * ranks))
    with np.errstate(divide="ignore", invalid="ignore"):
        share = (total - some * (some + 1) / 2) / (some * others)
    return np.where((some > 0) & (others > 0), share, np.nan)


def _requests(scene: Scene, traffic: Traffic) -> pd.DataFrame:
    """(requests,) the slices that each lies in, in the order of their numbers."""
    first = np.unique(traffic.requests, return_index=True)[1]
    return traffic.rows.iloc[first][list(scene.of_requests)].reset_index(drop=True)
