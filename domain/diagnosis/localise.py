"""Where: the fewest slices that explain a change, found by a greedy scan over the cells of the cube."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from domain.diagnosis.evidence import Cells, Floats, Scatter, Weighed, scatter_of, weigh
from domain.diagnosis.zones import Places, Zones, zones_of
from domain.values import Slice

SLICES = 3
LEAST_SHARE = 0.1  # of the whole change; a slice that explains less is not named
LEAST_GAIN = 6.0  # log likelihood ratio, beyond the logarithm of how many slices there are to choose from
MOST_TOLD = 2 / 3  # of a slice's cells that other slices explain already, up to which it may be named too
AGAINST = 0.1  # of the evidence that all is alike, up to which slices may speak against it
MOST_PARTS = 6  # that a slice is taken apart into
ROUNDS = 4  # of learning the scatter from what is left unexplained
GOOD = (0.64, 1.44)  # scatter that is misjudged by less is left as it is


@dataclass(frozen=True)
class Localised:
    """One slice: counts in it, and the share (0–1) of the whole change that lies in it."""

    slice: Slice
    observed: float
    expected: float
    explains: float


@dataclass(frozen=True)
class _Pick:
    """A slice, as the place of its dimensions and its place in them, with its factor and net evidence."""

    zones: int
    group: int
    factor: float
    gain: float


@dataclass
class _Scan:
    """One greedy pass: what was named, and what it leaves of the cells."""

    cube: list[Zones]
    scatter: Scatter
    cells: Cells
    price: float
    named: list[_Pick] = field(default_factory=list)
    gain: float = 0.0

    def name(self, most: int) -> None:
        """Name up to `most` slices, one after the other."""
        while len(self.named) < most:
            best = _best(self.cells, self, self.cube)
            if best is None:
                break
            self.gain += best.gain
            for pick in _parts(self, best) or (best,):
                inside = self.cube[pick.zones].inside(pick.group)
                self.cells = _with(self.cells, inside, pick.factor, self.scatter)
                self.named.append(pick)


def localise(
    cells: pd.DataFrame,
    dimensions: Sequence[str],
    ways: int = 2,
    *,
    most: int = SLICES,
    least_share: float = LEAST_SHARE,
    exploded: Mapping[str, str] | None = None,
) -> tuple[Localised, ...]:
    """
    Slices that differ from the rest, the strongest first; empty when the change is everywhere alike.

    Only those of the direction that has the most evidence: what gains while another loses took its place.

    Args:
        cells: one row a combination of `dimensions`, with `observed` and `expected` of one period: counts, or
            amounts and ratios. A missing one is nothing.
        ways: how many dimensions a slice may have.
        most, least_share: not more slices than that, and none that explains less of the whole change.
        exploded: dimension → what stands between its several values: such a cell lies in several slices.

    Source:
        Kulldorff (1997), A spatial scan statistic, with conjunctions of dimensions for zones; the price of a
        slice as in Rissanen (1978), Automatica 14(5): the logarithm of the choice that names it.
    """
    known = cells.dropna(subset=["observed", "expected"])
    known = known[(known["observed"] > 0) | (known["expected"] > 0)].reset_index(drop=True)
    if not len(known) or not known["expected"].sum() > 0:
        return ()
    cube = zones_of(known, dimensions, min(ways, len(dimensions)), exploded or {})
    scan = _settled(known, cube, most)
    return _told(scan, known, most, least_share)


def _settled(known: pd.DataFrame, cube: list[Zones], most: int) -> _Scan:
    """The scan by a scatter that agrees with what the scan leaves unexplained."""
    observed, expected = (known[name].to_numpy(dtype=np.float64) for name in ("observed", "expected"))
    scatter = scatter_of(observed, expected)
    for turn in range(ROUNDS):
        scan = _scan(observed, expected, scatter, cube, most)
        calm = ~scan.cells.told
        times = scatter.misjudged(observed[calm], scan.cells.expected[calm], turn == 0)
        if turn and GOOD[0] < times < GOOD[1]:
            break
        scatter = scatter.wider(float(np.clip(times, 0.05, 4.0)))
    return scan


def _scan(observed: Floats, expected: Floats, scatter: Scatter, cube: list[Zones], most: int) -> _Scan:
    """
    Against what was expected; or against that times one factor for all, where this explains as much, and no
    slice to speak of is left that was as expected.
    """
    price = float(np.log(sum(len(zones.slices) for zones in cube))) + LEAST_GAIN
    told = np.zeros(len(observed), dtype=bool)
    plain = _Scan(cube, scatter, Cells(observed, expected, told), price)
    all_cells = np.arange(len(observed))
    whole = Zones((), ((),), all_cells, np.zeros_like(all_cells))
    alike = weigh(plain.cells, scatter, whole, MOST_TOLD)
    plain.name(most)
    factor, gain = float(alike.factor[0]), float(alike.evidence[0]) - price
    if gain <= max((pick.gain for pick in plain.named), default=0.0):
        return plain
    level = _Scan(cube, scatter, Cells(observed, expected * factor, told), price)
    level.name(most)
    against = sum(pick.gain for pick in level.named if (pick.factor > 1) != (factor > 1))
    alike_all = against < AGAINST * gain and level.gain + gain >= (1 - AGAINST) * plain.gain
    return level if alike_all else plain


def _best(cells: Cells, scan: _Scan, cube: Sequence[Zones]) -> _Pick | None:
    """The slice with the most evidence; among equals the one of fewer dimensions."""
    best: _Pick | None = None
    for place, zones in enumerate(cube):
        if not zones.slices:
            continue
        found = weigh(cells, scan.scatter, zones, MOST_TOLD)
        top = int(np.argmax(found.evidence))
        gain = float(found.evidence[top]) - scan.price
        if gain > max(best.gain if best else 0.0, 0.0):
            best = _Pick(place, top, float(found.factor[top]), gain)
    return best


def _with(cells: Cells, inside: Places, factor: float, scatter: Scatter) -> Cells:
    """The cells once it is said that those `inside` have a factor of their own."""
    expected, told = cells.expected.copy(), cells.told.copy()
    expected[inside] = np.maximum(factor * (expected[inside] + scatter.least) - scatter.least, 0.0)
    told[inside] = True
    return Cells(cells.observed, expected, told)


def _parts(scan: _Scan, whole: _Pick) -> tuple[_Pick, ...]:
    """
    The parts of a slice that are off, where the rest of it clearly is not: a country whose televisions and
    phones lost rows, and not its browsers. None where the slice as a whole is the better word.
    """
    zones = scan.cube[whole.zones]
    inside = np.unique(zones.inside(whole.group))
    finer = [place for place, one in enumerate(scan.cube) if set(zones.names) < set(one.names)]
    if not finer or len(inside) < 2:
        return ()
    some = scan.cells.some(inside)
    within = [scan.cube[place].within(inside, len(scan.cells.told)) for place in finer]
    itself = zones.within(inside, len(scan.cells.told))
    own = next(at for at, name in enumerate(itself.slices) if name == zones.slices[whole.group])
    alone = itself.cells[itself.groups == own]
    says: Weighed = weigh(some, scan.scatter, Zones((), ((),), alone, np.zeros_like(alone)), 1.0)
    left = some
    parts: list[_Pick] = []
    while len(parts) < MOST_PARTS:
        part = _best(left, scan, within)
        if part is None:
            break
        left = _with(left, within[part.zones].inside(part.group), part.factor, scan.scatter)
        name = within[part.zones].slices[part.group]
        parts.append(
            replace(part, zones=finer[part.zones], group=scan.cube[finer[part.zones]].slices.index(name))
        )
    rest = float(says.says[~left.told[alone]].sum())
    return tuple(parts) if -rest > (len(parts) - 1) * scan.price else ()


def _told(scan: _Scan, known: pd.DataFrame, most: int, least_share: float) -> tuple[Localised, ...]:
    up = sum(pick.gain if pick.factor > 1 else -pick.gain for pick in scan.named) > 0
    observed, expected = (known[name].to_numpy(dtype=np.float64) for name in ("observed", "expected"))
    whole = float(observed.sum() - expected.sum())
    found: list[Localised] = []
    taken, explained = np.zeros(len(known), dtype=bool), 0.0
    for pick in scan.named:
        # What is left once all but a nameless share is explained is chance.
        if (pick.factor > 1) != up or (least_share and explained > 1 - least_share):
            continue
        zones = scan.cube[pick.zones]
        inside = zones.inside(pick.group)
        fresh = inside[~taken[inside]]
        share = float((observed[fresh] - expected[fresh]).sum()) / whole if whole else 0.0
        if least_share and share < least_share:
            continue
        taken[inside] = True
        explained += share
        seen, due = float(observed[inside].sum()), float(expected[inside].sum())
        found.append(Localised(zones.slices[pick.group], seen, due, float(np.clip(share, 0.0, 1.0))))
    return tuple(found[:most])
