"""Where: the fewest slices that explain a change, found by a greedy scan over the cells of the cube."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from domain.diagnosis.scan.cube import Cube, cube_of
from domain.diagnosis.scan.dimension import Floats, dimensions_of
from domain.diagnosis.scan.evidence import Cells, Scatter, scatter_of, weigh
from domain.diagnosis.scan.search import MOST_EXPLAINED, Pick, Search
from domain.values import Slice

SLICES = 3
LEAST_SHARE = 0.1  # of the whole change; a slice that explains less is not named
LEAST_GAIN = 6.0  # log likelihood ratio, beyond the logarithm of how many slices there are to choose from
AGAINST = 0.1  # share of the evidence for one factor for all, up to which slices may speak against it
MOST_PARTS = 6  # that a slice is split into
BALANCED = 0.5  # share of what slices lost that the total must lack, too; with less, others gained the rest
ROUNDS = 4  # of learning the scatter from what is left unexplained
GOOD = (0.64, 1.44)  # scatter that is misjudged by less is left as it is


@dataclass(frozen=True)
class Localised:
    """One slice: counts in it, and the share (0–1) of the whole change that lies in it."""

    slice: Slice
    observed: float
    expected: float
    explains: float


@dataclass
class _Scan:
    """One greedy pass: what was named, and what it leaves of the cells."""

    search: Search
    named: list[Pick] = field(default_factory=list)
    gain: float = 0.0

    def name(self, most: int) -> None:
        """Name up to `most` slices, one after the other."""
        while len(self.named) < most:
            best = self.search.best()
            if best is None:
                break
            self.gain += best.gain
            for pick in _parts(self.search, best) or (best,):
                self.search.mark_explained(self.search.cube.inside(pick.of, pick.codes))
                self.named.append(pick)


def localise(
    cells: pd.DataFrame,
    dimensions: Sequence[str],
    ways: int = 2,
    *,
    most: int = SLICES,
    least_share: float = LEAST_SHARE,
    exploded: Mapping[str, str] | None = None,
    falling: bool | None = None,
) -> tuple[Localised, ...]:
    """
    Slices that differ from the rest, the strongest first; empty when the change is everywhere alike.

    Only slices of one direction, because what gains while another loses took its place: the direction with
    the most evidence, or the one asked for.

    Args:
        cells: one row a combination of `dimensions`, with `observed` and `expected` of one period: counts, or
            amounts and ratios. Rows with a missing one are ignored.
        ways: how many dimensions a slice may have.
        most, least_share: at most so many slices, and none that explains less of the whole change.
        falling: whether slices that lost are asked for, or those that gained.
        exploded: dimension → the separator between its several values: such a cell lies in several slices.

    Source:
        Kulldorff (1997), A spatial scan statistic, with conjunctions of dimensions for zones; the price of a
        slice as in Rissanen (1978), Automatica 14(5): the logarithm of the choice that names it.
    """
    observed, expected = (cells[name].to_numpy(dtype=np.float64) for name in ("observed", "expected"))
    known = ~np.isnan(observed) & ~np.isnan(expected) & ((observed > 0) | (expected > 0))
    if not known.all():
        cells, observed, expected = cells[known], observed[known], expected[known]
    if not len(cells) or not expected.sum() > 0:
        return ()
    named = dimensions_of(cells, dimensions, exploded or {})
    cube = cube_of(named, len(cells), min(ways, len(dimensions)))
    scan = _settled(observed, expected, cube, most)
    return _localised(scan, observed, expected, most, least_share, falling)


def _settled(observed: Floats, expected: Floats, cube: Cube, most: int) -> _Scan:
    """The scan with a scatter that agrees with what the scan leaves unexplained."""
    scatter = scatter_of(observed, expected)
    scan = _scan(observed, expected, scatter, cube, most)
    for turn in range(ROUNDS - 1):
        times = scan.search.misjudged(turn == 0)
        if turn and GOOD[0] < times < GOOD[1]:
            break
        scatter = scatter.wider(float(np.clip(times, 0.05, 4.0)))
        if scatter != scan.search.scatter:
            scan = _scan(observed, expected, scatter, cube, most)
    return scan


def _scan(observed: Floats, expected: Floats, scatter: Scatter, cube: Cube, most: int) -> _Scan:
    """
    The scan against what was expected; or against that times one factor for all, where this explains as much
    and hardly any slice was really as expected.
    """
    price = float(np.log((cube.sizes > 0).sum())) + LEAST_GAIN
    plain = _Scan(Search(cube, scatter, Cells.unexplained(observed, expected), price))
    least = plain.search.at_most_alike() - price
    plain.name(most)
    strongest = max((pick.gain for pick in plain.named), default=0.0)
    if least <= strongest:
        return plain
    every = np.arange(len(observed))
    alike = weigh(
        Cells.unexplained(observed, expected), scatter, every, np.zeros_like(every), 1, MOST_EXPLAINED
    )
    factor, gain = float(alike.factor[0]), float(alike.evidence[0]) - price
    if gain <= strongest:
        return plain
    level = _Scan(Search(cube, scatter, Cells.unexplained(observed, expected * factor), price))
    level.name(most)
    against = sum(pick.gain for pick in level.named if (pick.factor > 1) != (factor > 1))
    alike_all = against < AGAINST * gain and level.gain + gain >= (1 - AGAINST) * plain.gain
    return level if alike_all else plain


def _parts(search: Search, whole: Pick) -> tuple[Pick, ...]:
    """
    The parts of a slice that are off, where the rest of it clearly is not: a country whose televisions and
    phones lost rows, but not its browsers. None where the slice as a whole describes it better.
    """
    cube = search.cube
    finer = [zone for zone in cube.zones if set(whole.of) < set(zone)]
    inside = cube.inside(whole.of, whole.codes)
    if not finer or len(inside) < 2:
        return ()
    within = search.within(inside, finer)
    parts: list[Pick] = []
    while len(parts) < MOST_PARTS:
        part = within.best()
        if part is None:
            break
        within.mark_explained(within.cube.inside(part.of, part.codes))
        parts.append(part)
    if not parts:
        return ()
    says = weigh(search.cells, search.scatter, inside, np.zeros_like(inside), 1, 1.0).says
    rest = float(says[~within.cells.explained].sum())
    return tuple(parts) if -rest > (len(parts) - 1) * search.price else ()


def _localised(
    scan: _Scan, observed: Floats, expected: Floats, most: int, least_share: float, falling: bool | None
) -> tuple[Localised, ...]:
    up = sum(pick.gain if pick.factor > 1 else -pick.gain for pick in scan.named) > 0
    up = up if falling is None else not falling
    cube = scan.search.cube
    whole = _whole(scan, observed - expected, up)
    found: list[Localised] = []
    taken, explained = np.zeros(len(observed), dtype=bool), 0.0
    for pick in scan.named:
        # Once all but a share too small to name is explained, the rest is chance.
        if (pick.factor > 1) != up or (least_share and explained > 1 - least_share):
            continue
        inside = cube.inside(pick.of, pick.codes)
        fresh = inside[~taken[inside]]
        share = float((observed[fresh] - expected[fresh]).sum()) / whole if whole else 0.0
        if least_share and share < least_share:
            continue
        taken[inside] = True
        explained += share
        seen, due = float(observed[inside].sum()), float(expected[inside].sum())
        found.append(Localised(cube.slice(pick.of, pick.codes), seen, due, float(np.clip(share, 0.0, 1.0))))
    return tuple(found[:most])


def _whole(scan: _Scan, off: Floats, up: bool) -> float:
    """The change of the total; where others gained what some lost, all that was lost (or gained) instead."""
    net = float(off.sum())
    named = [scan.search.cube.inside(pick.of, pick.codes) for pick in scan.named if (pick.factor > 1) == up]
    gross = float(off[np.unique(np.concatenate(named))].sum()) if named else 0.0
    return net if net * gross > 0 and abs(net) >= BALANCED * abs(gross) else gross
