"""
The few slices whose changes best explain what all cells hold: likelihood against description length.

An explanation is a level, by which all cells are off, and a set of slices, each with one change that all of
its cells share: a factor, or a constant addition per unit of the denominator (one request in ten fails,
whatever failed before). It is worth the log likelihood ratio of the cells given all this, less what it costs
to name the slices: the more there are to choose from, the dearer; another value of the same dimension that is
off by the same factor is cheap to name. A parent of the slice at fault is worth less, as its other cells
contradict it, a child, as it leaves the rest unexplained. A cell is a negative binomial, so that cells of one
row and of ten thousand add up to what their slice says, however they are cut.

Source:
    Description length: Rissanen (1978), Automatica 14(5); the likelihood ratio over zones: Kulldorff (1997),
    Commun. Stat. Theory Methods 26(6).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from domain.detection.data.counts import Floats
from domain.detection.data.cube import Cube

Places = npt.NDArray[np.intp]
POOL, CLOSE = 160, 48  # slices whose sums are promising, and those of them that are examined again and again
STARTS = 5  # slices that an explanation may start with
MOST_SLICES = 8
PRICE = (
    4.0  # log likelihood ratio that a slice costs beyond its name: its factor, and that it is there at all
)
BROKEN = 2 * PRICE  # the same for the whole table, beyond a level that is usual
CELL_SAYS = 20.0  # largest log likelihood ratio that a single cell is believed, for or against
MOST_EXPLAINED = 2 / 3  # of a slice's expected counts explained by others, up to which it may be named too
LEAST = 1e-9
SWAPS = 3
LEVEL = 0  # the whole table's place among the slices


@dataclass(frozen=True)
class Evidence:
    """
    (n_cells,) what cells hold and should hold, in units of counting (a Poisson's rows), and `shape`, one over
    the relative variance beyond that. `inflation` is (n_slices,): how many times more a slice's sum varies
    than if its cells varied independently, ≥ 1. `base` is the denominator, in the same units; if a `share`,
    the cells never hold more than that. `level_sd` is how the level usually varies, in logarithms.
    """

    observed: Floats
    expected: Floats
    shape: Floats
    inflation: Floats
    base: Floats
    share: bool
    level_sd: float


@dataclass(frozen=True)
class Change:
    """
    A slice by its number, the factor by which it is off relative to what was expected so far, its evidence,
    in log likelihood beyond its price, and the part of the denominator that was `added`, if that describes
    its cells better than the factor.
    """

    place: int
    factor: float
    gain: float
    price: float
    added: float | None = None


@dataclass(frozen=True)
class Explanation:
    """The factor `level` of all cells that no slice explains, and the slices, the strongest first."""

    level: float
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class _State:
    """
    A partial explanation, and what it leaves: (n_cells,) expected so far, and which slice of the
    pool explains each (0, the level, if none does).
    """

    expected: Floats
    by: Places
    taken: tuple[Change, ...] = ()

    @property
    def explained(self) -> npt.NDArray[np.bool_]:
        """(n_cells,) whether a slice explains it."""
        return np.asarray(self.by != LEVEL)

    @property
    def leveled(self) -> bool:
        """Whether the level is part of it."""
        return any(change.place == LEVEL for change in self.taken)


@dataclass
class _Pool:
    """
    The slices examined closely, cell by cell, slice after slice: (n_members,) `cells` and the `group` each
    lies in; (n_pool,) `begin`, where a slice's cells begin. The level is the first of them.
    """

    evidence: Evidence
    cube: Cube
    places: Places
    prices: Floats
    cells: Places = field(init=False)
    group: Places = field(init=False)
    begin: Places = field(init=False)
    observed: Floats = field(init=False)
    shape: Floats = field(init=False)
    base: Floats = field(init=False)
    most: int = MOST_SLICES
    gone: dict[tuple[int, ...], _State] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Work out which cells belong to which slice."""
        inside = [self.cube.cells(int(place)) for place in self.places]
        lengths = np.array([len(one) for one in inside], dtype=np.intp)
        self.cells = np.concatenate(inside)
        self.group = np.repeat(np.arange(len(inside)), lengths)
        self.begin = np.cumsum(lengths) - lengths
        self.observed, self.shape = self.evidence.observed[self.cells], self.evidence.shape[self.cells]
        self.base = self.evidence.base[self.cells]

    def members(self, one: int) -> Places:
        """The cells of a slice of the pool."""
        end = self.begin[one + 1] if one + 1 < len(self.begin) else len(self.cells)
        return self.cells[self.begin[one] : end]

    def sums(self, held: Floats) -> Floats:
        """(n_pool,) sums over the cells of each slice."""
        return np.asarray(np.add.reduceat(held, self.begin))

    def nothing(self) -> _State:
        """The explanation by nothing at all."""
        return _State(self.evidence.expected, np.zeros(len(self.evidence.expected), dtype=np.intp))

    def worth(self, state: _State) -> float:
        """
        The log likelihood ratio of an explanation against none, beyond all prices. The belief in each cell is
        limited, however many steps led to its expectation.
        """
        one = self.evidence
        factor = np.maximum(state.expected, LEAST) / np.maximum(one.expected, LEAST)
        says = _says(one.observed, one.expected, one.shape, factor)
        believed = np.clip(says, -CELL_SAYS, CELL_SAYS) / one.inflation[self.places[state.by]]
        return float(believed.sum()) - sum(change.price for change in state.taken)


def explain(
    evidence: Evidence, cube: Cube, candidates: npt.NDArray[np.bool_], most: int = MOST_SLICES
) -> Explanation:
    """
    The explanation that is worth most; one without slices if none is worth its price.

    Args:
        candidates: (n_slices,) those that may be named; the whole table is the level.
    """
    pool = _pool(evidence, cube, candidates, most)
    gains = _weigh(pool, pool.nothing()).gain
    best, worth = pool.nothing(), 0.0
    for start in np.argsort(-gains, kind="stable")[:STARTS].tolist():
        if gains[start] <= 0:
            break
        polished = _polished(pool, _grown(pool, (start,)))
        if (better := pool.worth(polished)) > worth + LEAST:
            best, worth = polished, better
    level = next((change.factor for change in best.taken if change.place == LEVEL), 1.0)
    named = [
        replace(change, place=int(pool.places[change.place]))
        for change in best.taken
        if change.place != LEVEL
    ]
    return Explanation(level, tuple(sorted(named, key=lambda change: -change.gain)))


def _pool(evidence: Evidence, cube: Cube, candidates: npt.NDArray[np.bool_], most: int) -> _Pool:
    """
    The slices that seem worth most by their sums, and of these the ones that are, on closer examination.
    """
    weight = 1 / (1 + evidence.expected / evidence.shape)
    seen, due = cube.sums(np.column_stack([weight * evidence.observed, weight * evidence.expected])).T
    factor = np.maximum(seen, LEAST) / np.maximum(due, LEAST)
    prices = PRICE + np.log(np.bincount(cube.ways)[cube.ways]) + np.log(cube.ways.max() + 1)
    prices[LEVEL] = 0.0
    seems = (seen * np.log(factor) - seen + due) / evidence.inflation
    likely = candidates & (seems > PRICE)
    likely[LEVEL] = False
    places = _most(np.flatnonzero(likely), seems - prices, POOL)
    pool = _Pool(evidence, cube, np.append(LEVEL, places), prices[np.append(LEVEL, places)])
    gains = _weigh(pool, pool.nothing()).gain
    kept = _most(np.arange(1, len(pool.places)), gains, CLOSE)
    kept = np.append(LEVEL, kept[gains[kept] > PRICE - pool.prices[kept]])
    return _Pool(evidence, cube, pool.places[kept], pool.prices[kept], most)


def _most(places: Places, score: Floats, count: int) -> Places:
    """The `count` of `places` with the highest scores, in their own order."""
    if len(places) <= count:
        return places
    return np.sort(places[np.argpartition(-score[places], count - 1)[:count]])


@dataclass(frozen=True)
class _Weighed:
    """(n_pool,) what naming each slice in addition to those already named is worth, and as which change."""

    factor: Floats
    gain: Floats
    price: Floats
    added: Floats
    adds: npt.NDArray[np.bool_]

    def change(self, one: int) -> Change:
        """A slice of the pool, named."""
        added = float(self.added[one]) if self.adds[one] else None
        return Change(one, float(self.factor[one]), float(self.gain[one]), float(self.price[one]), added)


def _weigh(pool: _Pool, state: _State) -> _Weighed:
    """
    Every slice relative to what is expected so far: as a factor or as an addition, whichever its cells
    support more.

    Cells that another slice explains contribute nothing more.
    """
    n, k, e = pool.observed, pool.shape, state.expected[pool.cells]
    new = (~state.explained[pool.cells]).astype(np.float64)
    weight = new / (1 + e / k)
    factor = np.maximum(pool.sums(weight * n), LEAST) / np.maximum(pool.sums(weight * e), LEAST)
    weight = new / (1 + factor[pool.group] * e / k)
    surely = pool.sums(weight * n)
    factor = np.maximum(surely, LEAST) / np.maximum(pool.sums(weight * e), LEAST)
    surely /= pool.evidence.inflation[pool.places]
    factor[LEVEL] = _level(factor[LEVEL], surely[LEVEL], pool.evidence.level_sd)
    room = _room(pool.evidence, pool.base, e)
    added = pool.sums(weight * (n - e)) / np.maximum(pool.sums(weight * room), LEAST)
    by_factor = _believed(pool, n, e, k, factor[pool.group], new)
    by_adding = _believed(pool, n, e, k, 1 + added[pool.group] * room / np.maximum(e, LEAST), new)
    adds = (by_adding > by_factor) & ((added > 0) | (not pool.evidence.share))
    adds[LEVEL] = False
    price = _prices(pool, state, factor, surely)
    gain = np.where(adds, by_adding, by_factor) / pool.evidence.inflation[pool.places] - price
    if state.taken:
        explained = 1 - pool.sums(e * new) / np.maximum(pool.sums(e), LEAST)
        explained[LEVEL] = float(state.leveled)
        gain = np.where(explained > MOST_EXPLAINED, -np.inf, gain)
    return _Weighed(factor, gain, price, added, adds)


def _room(evidence: Evidence, base: Floats, expected: Floats) -> Floats:
    """What an addition is a part of: for a share, what is not in the numerator yet."""
    return np.maximum(base - expected, 0.0) if evidence.share else base


def _believed(pool: _Pool, n: Floats, e: Floats, k: Floats, factor: Floats, new: Floats) -> Floats:
    says = _says(n, e, k, np.maximum(factor, LEAST))
    return pool.sums(np.clip(says, -CELL_SAYS, CELL_SAYS) * new)


def _says(n: Floats, e: Floats, k: Floats, factor: Floats) -> Floats:
    """The log likelihood ratio of negative binomials of mean factor · e and e, both of shape k."""
    return np.asarray(
        n * np.log(factor) - (n + k) * np.log1p(np.maximum((factor - 1) * e / (k + e), LEAST - 1))
    )


def _level(level: float, surely: float, level_sd: float) -> float:
    """The factor of all cells: shrunk to 1 by how little it usually varies, or unshrunk if it is broken."""
    drawn = float(np.exp(np.log(level) * surely / (surely + level_sd**-2)))
    lost = surely * np.log(level / drawn) ** 2 / 2
    return drawn if lost + _unusual(drawn, level_sd) <= BROKEN else level


def _unusual(level: float, level_sd: float) -> float:
    """How unusual a level is, in log likelihood."""
    return float((np.log(level) / level_sd) ** 2 / 2)


def _prices(pool: _Pool, state: _State, factor: Floats, surely: Floats) -> Floats:
    """
    (n_pool,) what each slice costs in addition to those already named, if it is off by `factor`: a sibling of
    one of them costs its value, plus the loss from being described by the same factor (`surely` says how well
    its own is known). The level costs how unusual it is, or that the table is off as a whole.
    """
    prices = pool.prices.copy()
    for one in state.taken:
        if one.place == LEVEL:
            continue
        among = pool.cube.siblings(int(pool.places[one.place]), pool.places)
        worse = np.log(factor / one.factor) ** 2 * surely / 2
        alike = (among > 0) & ((factor > 1) == (one.factor > 1))
        near = np.where(alike, PRICE + np.log(np.maximum(among, 1)) + worse, np.inf)
        prices = np.minimum(prices, near)
    prices[LEVEL] = min(_unusual(factor[LEVEL], pool.evidence.level_sd), BROKEN)
    return prices


def _grown(pool: _Pool, begun: tuple[int, ...]) -> _State:
    """An explanation that starts with some slices of the pool, and adds others while that is worth it."""
    state = pool.nothing()
    while len(state.taken) <= pool.most:
        known = tuple(change.place for change in state.taken)
        if len(known) >= len(begun) and known in pool.gone:
            return pool.gone[known]
        weighed = _weigh(pool, state)
        one = begun[len(known)] if len(known) < len(begun) else int(np.argmax(weighed.gain))
        gain = float(weighed.gain[one])
        if not np.isfinite(gain) or (len(known) >= len(begun) and gain <= 0):
            break
        state = _with(pool, state, weighed.change(one))
    pool.gone[begun] = state
    return state


def _with(pool: _Pool, state: _State, change: Change) -> _State:
    expected, by = state.expected.copy(), state.by.copy()
    inside = pool.members(change.place)
    fresh = inside[by[inside] == LEVEL]
    if change.added is None:
        expected[fresh] *= change.factor
    else:
        room = _room(pool.evidence, pool.evidence.base[fresh], expected[fresh])
        expected[fresh] = np.maximum(expected[fresh] + change.added * room, LEAST * expected[fresh])
    by[fresh] = change.place
    return _State(expected, by, (*state.taken, change))


def _polished(pool: _Pool, state: _State) -> _State:
    """The same with each slice removed in turn and the best put in its place, while that is better."""
    worth = pool.worth(state)
    for _swap in range(SWAPS if len(state.taken) > 1 else 0):
        for place in range(len(state.taken)):
            others = tuple(change.place for at, change in enumerate(state.taken) if at != place)
            again = _grown(pool, others)
            if (better := pool.worth(again)) > worth + LEAST:
                state, worth = again, better
                break
        else:
            break
    return state
