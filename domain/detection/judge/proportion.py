"""
What share of a slice's rows has a property, in the last window: against the past, or against what was
promised.

While `wrong_rows` asks whether more rows than usual are wrong, here a share may be too small or too large:
candidates that get through a stage, requests that a version serves, rows that another team keeps.

    p-value   too few and too many are each a beta-binomial tail, doubled if either is reported
    promise   the tail begins at the edge of what the promise allows: a share that is off by less keeps it
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from domain.detection.data.counts import Floats
from domain.detection.data.window import Grid
from domain.detection.data.windowed import Windowed
from domain.detection.expect.usual_proportion import LEAST_WINDOWS, UsualProportions, usual_proportions
from domain.detection.judge.comparison import Comparison
from domain.detection.judge.reporting import Numbers, Statement, compared_in, conclude, finding_in, level_of
from domain.detection.judge.state import SHORT_SECONDS, CheckState, Verdict
from domain.detection.judge.usable import learnable
from domain.detection.judge.wrong_rows import discovered
from domain.detection.slices.minimal_set import slices_to_report
from domain.recommender.check import Check
from domain.recommender.keys.duration import name_duration
from domain.values import Finding, Slice

BAND = 1.96
TOGETHER = 4  # windows that are judged as one if nothing is reported for the last alone
OF_THE_LAST = 0.8  # of the level, for the last window; the rest is for several together
LEAST_PROMISED = 1e-6  # of the rows: a share of zero leaves no binomial

Place = tuple[int, int]
"""A slice's place and a column's."""


@dataclass(frozen=True)
class Proportions(Windowed):
    """
    Rows of one table that could have a property, and those that have it; the last window is judged.

    `rows` and `held` are (n_windows, n_cells, n_columns), counts, 0 ≤ held ≤ rows: each of `columns` has its
    own rows. `cells` names the slices, the whole table () first; `labels` describes each column beyond its
    name. `most` is (n_cells, n_columns) the shares above which none is too small, whatever was usual.
    """

    grid: Grid
    cells: tuple[Slice, ...]
    columns: tuple[str, ...]
    rows: Floats
    held: Floats
    first: int = 0
    labels: tuple[str, ...] = ()
    most: Floats | None = None


@dataclass(frozen=True)
class Promise:
    """
    (n_columns,) the share that was promised, in [0, 1], and how far from it a slice may lie, ≥ 0.

    `scatters`: how much shares differ from window to window is learned; else each row is one of its own.
    """

    share: Floats
    allowed: Floats
    scatters: bool = True


@dataclass(frozen=True)
class Words:
    """
    How one kind of share is worded.

    `says` makes a sentence's middle from the column's name and the shares observed and expected; `unit` names
    the rows that have the property. `way` is the only direction that is reported, None for both; `loss`:
    whether what is missing is missing for members.
    """

    says: Callable[[str, float, float], str]
    unit: Callable[[str], str]
    way: str | None = None
    loss: bool = False


@dataclass(frozen=True)
class Side:
    """(n_cells, n_columns) for one direction: the expected `held`, the limit of the usual, p-values."""

    expected: Floats
    edge: Floats
    p_values: Floats


@dataclass(frozen=True)
class JudgedProportions:
    """The last window: (n_cells, n_columns) rows and those that have the property; a side for each way."""

    rows: Floats
    held: Floats
    sides: dict[str, Side]


def judge(
    proportions: Proportions, usable: npt.NDArray[np.bool_], promise: Promise | None = None
) -> JudgedProportions:
    """
    All slices and columns of the last window, unfiltered.

    Args:
        usable: (n_windows,) those from which the usual share, or its scatter, is learned; with a
            promise there may be none.
    """
    rows, held = proportions.rows[-1], proportions.held[-1]
    past, having = proportions.rows[usable], proportions.held[usable]
    more = _usual(past, having)
    fewer = _usual(past, past - having)
    if proportions.most is not None:
        fewer = replace(fewer, share=np.maximum(fewer.share, 1 - proportions.most))
    if promise is not None:
        room = np.broadcast_to(np.clip(promise.share + promise.allowed, LEAST_PROMISED, 1.0), rows.shape)
        lack = np.broadcast_to(np.clip(1 - promise.share + promise.allowed, LEAST_PROMISED, 1.0), rows.shape)
        scatter = promise.scatters and len(past) >= LEAST_WINDOWS
        more = replace(more, share=room) if scatter else UsualProportions.without_scatter(room)
        fewer = replace(fewer, share=lack) if scatter else UsualProportions.without_scatter(lack)
    surge, drop = _side(more, held, rows), _side(fewer, rows - held, rows)
    drop = Side(rows - drop.expected, rows - drop.edge, drop.p_values)
    if promise is not None:
        due = promise.share * rows
        surge, drop = Side(due, surge.edge, surge.p_values), Side(due, drop.edge, drop.p_values)
    return JudgedProportions(rows, held, {"drop": drop, "surge": surge})


def _usual(past: Floats, having: Floats) -> UsualProportions:
    """What is usual for each column among its own rows."""
    each = [usual_proportions(past[:, :, at], having[:, :, [at]]) for at in range(past.shape[2])]
    every = zip(*((one.share, one.correlation, one.typical) for one in each), strict=True)
    return UsualProportions(*(np.concatenate(part, axis=1) for part in every))


def _side(rates: UsualProportions, having: Floats, rows: Floats) -> Side:
    """
    For rows (n_cells, n_columns), column by column, since `UsualProportions` have the same rows for all
    columns.
    """
    parts = [rates.of(at) for at in range(rows.shape[1])]
    p_values = [one.p_values(having[:, [at]], rows[:, at]) for at, one in enumerate(parts)]
    edge = [one.most(rows[:, at], BAND) for at, one in enumerate(parts)]
    return Side(rates.share * rows, np.concatenate(edge, axis=1), np.concatenate(p_values, axis=1))


def usable_windows(proportions: Proportions, state: CheckState) -> npt.NDArray[np.bool_]:
    """(n_windows,) those with rows, in which nothing was wrong, before the judged one."""
    there = proportions.rows[:, 0].max(axis=-1) > 0
    return learnable(proportions.grid, proportions.first, len(proportions.rows), state, LEAST_WINDOWS, there)


def judge_proportions(
    check: Check,
    proportions: Proportions,
    state: CheckState,
    looks_per_week: float | None,
    words: Words,
    promise: Promise | None = None,
) -> Verdict:
    """
    The fewest slices, by column, of which too large or too small a share has the property.

    Returns:
        Findings that are significant over slices, columns, directions and looks, and off by the least number
        of rows. Against the past they must be off by the declared least change as well; what a promise allows
        is already in its p-value. If the last window shows nothing, the last four together may.
    """
    if proportions.rows[-1, 0].max(initial=0.0) <= 0:
        return Verdict(state=state, judged=False, note="no rows in this window")
    usable = usable_windows(proportions, state)
    if promise is None and usable.sum() < LEAST_WINDOWS:
        return Verdict(state=state, judged=False, note="not enough history yet")
    judged = judge(proportions, usable, promise)
    width, ways = proportions.grid.width.total_seconds(), directions_of(check, words)
    alpha = level_of(state, looks_per_week, width) / len(ways)
    scan = _Scan(check, words, promise, ways)
    findings = scan.findings(proportions, usable, judged, alpha * OF_THE_LAST)
    sure = set[str]()
    if not findings:
        findings = scan.over_several(proportions, usable, judged, alpha * (1 - OF_THE_LAST))
        if TOGETHER * width >= SHORT_SECONDS:  # together they are a window long enough to be reported at once
            sure = {one.fingerprint for one in findings}
    verdict = conclude(state, findings, width, proportions.start(proportions.last), sure)
    return verdict.comparing(_compared(proportions, state, judged, words, ways))


@dataclass(frozen=True)
class _Scan:
    """What one look tests its slices and columns for, in each of the `ways`."""

    check: Check
    words: Words
    promise: Promise | None
    ways: tuple[str, ...]

    def findings(
        self,
        proportions: Proportions,
        usable: npt.NDArray[np.bool_],
        judged: JudgedProportions,
        alpha: float,
        last: JudgedProportions | None = None,
    ) -> list[Finding]:
        """Findings of the judged window; of several as one, only if the `last` of them is still off."""
        check, words = self.check, self.words
        worth = _fewer(proportions, usable, check.least_change / 2) if words.loss else judged.rows > 0
        found: list[Finding] = []
        for way in self.ways:
            here = worth if last is None else worth & _still(last, judged, way)
            places = _places(check, proportions.cells, judged, way, alpha, self.promise, here)
            found += [_finding(check, proportions, judged, way, place, words) for place in places]
        return found

    def over_several(
        self, proportions: Proportions, usable: npt.NDArray[np.bool_], last: JudgedProportions, alpha: float
    ) -> list[Finding]:
        """Findings of the last windows together, if each holds too few rows; not of what is over by now."""
        whole, known = together(proportions, usable)
        if len(proportions.rows) <= TOGETHER or (self.promise is None and known.sum() < LEAST_WINDOWS):
            return []
        start, end = proportions.start(proportions.last - TOGETHER + 1), proportions.end(proportions.last)
        found = self.findings(whole, known, judge(whole, known, self.promise), alpha, last)
        return [
            one.model_copy(
                update={
                    "window_start": start,
                    "window_end": end,
                    "title": f"{one.title} over {name_duration(end - start)}",
                }
            )
            for one in found
        ]


def together(
    proportions: Proportions, usable: npt.NDArray[np.bool_]
) -> tuple[Proportions, npt.NDArray[np.bool_]]:
    """The same with the last windows as one, and which of the earlier ones are usable."""
    rows, held = (
        np.concatenate([counts[:-TOGETHER], counts[-TOGETHER:].sum(axis=0, keepdims=True)])
        for counts in (proportions.rows, proportions.held)
    )
    return replace(proportions, rows=rows, held=held), np.append(usable[:-TOGETHER], False)


def _still(last: JudgedProportions, judged: JudgedProportions, way: str) -> npt.NDArray[np.bool_]:
    """(n_cells, n_columns) whether the last window alone is off the same way, by at least half as much."""
    now, all_of_it = (
        (one.held - one.sides[way].expected) / np.maximum(one.rows, 1.0) for one in (last, judged)
    )
    return np.asarray(now * np.sign(all_of_it) >= np.abs(all_of_it) / 2)


def _compared(
    proportions: Proportions,
    state: CheckState,
    judged: JudgedProportions,
    words: Words,
    ways: tuple[str, ...],
) -> Iterator[Comparison]:
    """The comparisons of the traced slices, between the bands of both ways."""
    for place, where in enumerate(proportions.cells):
        for column, name in enumerate(proportions.columns):
            at = (place, column)
            if where in state.traced and judged.rows[at] > 0:
                sides = [_numbers(judged, way, at, words.unit(name)) for way in ways]
                low, high = max(one.low for one in sides), min(one.high for one in sides)
                yield compared_in(proportions, where, name, replace(sides[0], low=low, high=high))


def _fewer(proportions: Proportions, usable: npt.NDArray[np.bool_], change: float) -> npt.NDArray[np.bool_]:
    """
    (n_cells, n_columns): whether clearly fewer have the property for each row of the rest of the table.

    A slice that twice as many rows entered, of which as many as ever get through, lost nothing.
    """
    rest = proportions.rows[:, :1] - proportions.rows
    usual = proportions.held[usable].sum(axis=0) / np.maximum(rest[usable].sum(axis=0), 1.0)
    now = proportions.held[-1] / np.maximum(rest[-1], 1.0)
    return np.asarray((now <= (1 - change) * usual) | (rest[-1] <= 0))


def _places(
    check: Check,
    cells: tuple[Slice, ...],
    judged: JudgedProportions,
    way: str,
    alpha: float,
    promise: Promise | None,
    worth: npt.NDArray[np.bool_],
) -> Iterator[Place]:
    """What to report, column by column."""
    side = judged.sides[way]
    off = (judged.held - side.expected) * (1 if way == "surge" else -1)
    size = check.least_change * side.expected if promise is None else promise.allowed * judged.rows
    room = judged.rows - side.expected if way == "surge" else side.expected
    tested = (judged.rows >= check.least_rows) & (room >= check.least_rows)  # those that can be off by enough
    worth = worth & (off >= np.maximum(check.least_rows, size))
    found = discovered(cells, side.p_values, tested, alpha) & worth
    for column in np.flatnonzero(found.any(axis=0)):
        here = off[:, column], size[:, column], judged.rows[:, column], found[:, column]
        for place in slices_to_report(cells, *here, check.least_rows, together=True):
            yield place, int(column)


def directions_of(check: Check, words: Words) -> tuple[str, ...]:
    """The directions that a check reports: what the kind says, else what is declared."""
    if words.way is not None:
        return (words.way,)
    return ("drop", "surge") if check.direction == "both" else (check.direction,)


def _numbers(judged: JudgedProportions, way: str, at: Place, unit: str) -> Numbers:
    side = judged.sides[way]
    edge = float(side.edge[at])
    return Numbers(
        observed=float(judged.held[at]),
        expected=round(float(side.expected[at]), 2),
        low=round(edge if way == "drop" else 0.0, 2),
        high=round(edge if way == "surge" else float(judged.rows[at]), 2),
        unit=unit,
        p_value=float(side.p_values[at]),
    )


def _finding(
    check: Check, proportions: Proportions, judged: JudgedProportions, way: str, at: Place, words: Words
) -> Finding:
    side, (place, column) = judged.sides[way], at
    rows, held, expected = float(judged.rows[at]), float(judged.held[at]), float(side.expected[at])
    whole = side.expected[0, column] if words.loss else judged.rows[0, column]
    affected = min(1.0, abs(held - expected) / max(float(whole), 1.0))
    says = words.says((proportions.labels or proportions.columns)[column], held / rows, expected / rows)
    statement = Statement(
        proportions.cells[place],
        proportions.columns[column],
        says,
        affected,
        drop=words.loss and way == "drop",
    )
    numbers = _numbers(judged, way, at, words.unit(proportions.columns[column]))
    return finding_in(proportions, check, statement, numbers)
