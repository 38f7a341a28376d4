"""
From judgements of one thing at a time to findings, as for every other check; and their repeated measurement.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from domain.detection.data.check_run import CheckRun
from domain.detection.data.counts import Counts, Floats
from domain.detection.data.histogram import Histograms
from domain.detection.data.tally import Tally
from domain.detection.data.window import WINDOW, Grid
from domain.detection.judge.again.measure import Measurement
from domain.detection.judge.comparison import Comparison
from domain.detection.judge.judging import Again, Judging, as_it_is
from domain.detection.judge.reporting import conclude, level_of
from domain.detection.judge.severity import severity_of
from domain.detection.judge.state import CheckState, Verdict
from domain.detection.judge.title import title_of
from domain.detection.judge.usable import holes, learnable
from domain.detection.judge.wrong_rows import discovered
from domain.detection.slices.minimal_set import HOLDS, narrowest
from domain.errors import NotAJudgement, TooFewRows
from domain.recommender.check import Check
from domain.values import Finding, Severity, Slice

HALF = 0.5  # of a dimension's slices; from here on it is the table and not the slices

D = TypeVar("D")

Data = Counts | Tally | Histograms | pd.DataFrame


@dataclass(frozen=True)
class Seen(Generic[D]):
    """
    What a judge is given; the last window of `grid` is the judged one.

    `check` holds the keys that every check has (`least_change`, `least_rows`, `direction`, …). `usable` is
    (grid.count,): the windows to learn from, in which the table had begun and nothing was wrong; never the
    last.
    """

    check: Check
    grid: Grid
    data: D
    usable: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Judgement:
    """
    One thing in the judged window: `observed` against `expected`, in `unit`, and `low`–`high`, the band in
    which it is as usual.

    `p_value` is the probability that chance alone goes so far, 0 for what must never be; it is compared with
    all that the look judged, and with earlier looks. `matters` is false for what is too small for a person.
    `slice` and `subject` (a column, an item) tell one thing from another. `share` is the part of everything
    that is affected: it makes the severity, unless that is declared. `says` is the wording for a person; if
    there is none, a sentence is made.

    Raises:
        ValueError: a number is not finite, or p_value not in 0–1.
    """

    observed: float
    expected: float
    low: float
    high: float
    p_value: float
    slice: Slice = ()
    subject: str | None = None
    unit: str = "rows"
    says: str = ""
    share: float | None = None
    matters: bool = True

    def __post_init__(self) -> None:
        """Check the numbers against their ranges: a NaN would be compared without effect."""
        numbers = {name: getattr(self, name) for name in ("observed", "expected", "low", "high", "p_value")}
        for name, number in numbers.items():
            if not isfinite(number):
                raise NotAJudgement(f"{name} of a judgement is {number}; leave out what has no value")
        for name in ("p_value", "share"):
            if (value := getattr(self, name)) is not None and not 0.0 <= value <= 1.0:
                raise NotAJudgement(f"{name} of a judgement is {value:g}, which is not between 0 and 1")


class OneByOne(Protocol):
    """
    A kind that judges things one by one: its name, its judge, and the least number of windows to learn from.
    """

    @property
    def kind(self) -> str: ...
    @property
    def judge(self) -> Callable[[Any, Seen[Any]], Iterable[Judgement]]: ...
    @property
    def least_windows(self) -> int: ...


def judging(own: OneByOne, *, measurable: bool = True) -> Judging[Any]:
    """How such a kind judges, and measures again, if it can, by judging again."""

    def verdict(run: CheckRun, data: Any, memory: CheckState) -> Verdict:
        seen = seen_of(own, run.check, run.grid, data, memory)
        return judge_own(own, run.options, seen, memory, run.looks_per_week)

    def measured(run: CheckRun, data: Any, again: Again[Any]) -> Measurement:
        seen = seen_of(own, run.check, run.grid, data, again.memory)
        return measure_own(own, run.options, seen, again.finding)

    return Judging(verdict, measured if measurable else None, narrowed=as_it_is)


def seen_of(own: OneByOne, check: Check, grid: Grid, data: Data, state: CheckState) -> Seen[Any]:
    """What the judge is given: the data, and which of its windows may be learned from."""
    held = data.known & ~holes(data) if isinstance(data, Counts) else _rows(data, grid) > 0
    usable = learnable(grid, 0, grid.count, state, own.least_windows, held)
    return Seen(check, grid, data, usable)


def judge_own(
    own: OneByOne,
    options: Any,
    seen: Seen[Any],
    state: CheckState,
    looks_per_week: float | None = None,
) -> Verdict:
    """
    What a look results in.

    Returns:
        Findings that are significant over everything judged and over looks, *and* matter. Not judged if
        there are too few usable windows, or no rows that could be wrong.

    Raises:
        ValueError: two judgements are of the same slice and subject.
    """
    if int(seen.usable.sum()) < own.least_windows:
        return Verdict(state=state, judged=False, note="not enough history yet")
    if not isinstance(seen.data, Counts) and _rows(seen.data, seen.grid)[-1] <= 0:
        return Verdict(state=state, judged=False, note="no rows in this window")
    try:
        judged = _judged(own, options, seen)
    except TooFewRows as few:
        return Verdict(state=state, judged=False, note=str(few) or "too few rows")
    width = seen.grid.width.total_seconds()
    alpha = level_of(state, looks_per_week, width)
    discoveries = _discoveries(judged, alpha)
    findings = [_finding(seen, judgement) for judgement in discoveries]
    verdict = conclude(state, findings, width, seen.grid.edge(seen.grid.count - 1))
    return verdict.comparing(_compared(seen, one) for one in judged if one.slice in state.traced)


def measure_own(own: OneByOne, options: Any, seen: Seen[Any], finding: Finding) -> Measurement:
    """
    What `finding` is about, in the last window of `seen`.

    Raises:
        TooFewRows: there is no past to measure against, or nothing is judged of it in this window.
    """
    if int(seen.usable.sum()) < own.least_windows:
        raise TooFewRows("too few windows before the incident: nothing to measure against")
    for one in _judged(own, options, seen):
        if (one.slice, one.subject) == (finding.slice, finding.subject):
            low, high = min(one.low, one.expected), max(one.high, one.expected)
            return Measurement(
                observed=one.observed, expected=one.expected, low=low, high=high, p_value=one.p_value
            )
    raise TooFewRows(f'kind "{own.kind}" says nothing of it in this window; it is too early')


def _judged(own: OneByOne, options: Any, seen: Seen[Any]) -> tuple[Judgement, ...]:
    judged = tuple(own.judge(options, seen))
    for one in judged:
        if not isinstance(one, Judgement):
            raise NotAJudgement(f"judge gave {type(one).__name__}; it has to give Judgements")
    keys = [(one.slice, one.subject) for one in judged]
    if len(set(keys)) < len(keys):
        twice = next(key for key in keys if keys.count(key) > 1)
        raise NotAJudgement(f"two judgements are of the same slice and subject: {twice}")
    return judged


def _discoveries(judged: Sequence[Judgement], alpha: float) -> list[Judgement]:
    """Those that chance does not explain over all that was judged, and that matter, in the fewest slices."""
    if not judged:
        return []
    p_values = np.array([[one.p_value] for one in judged])
    tested = np.ones(p_values.shape, dtype=bool)
    found = discovered(tuple(one.slice for one in judged), p_values, tested, alpha)[:, 0]
    significant = [one for one, is_found in zip(judged, found, strict=True) if is_found and one.matters]
    groups: dict[tuple[str | None, bool], list[Judgement]] = {}
    for one in sorted(significant, key=lambda one: len(one.slice)):
        groups.setdefault((one.subject, one.observed > one.expected), []).append(one)
    slices = [one.slice for one in judged]
    return [one for alike in groups.values() for one in _fewest(alike, slices)]


def _fewest(alike: Sequence[Judgement], judged: Sequence[Slice]) -> list[Judgement]:
    """
    Among what is off in the same way, the fewest slices that hold it. A metric that does not add up, such as
    a share, is as far off in most slices as in the whole table if it is off everywhere: then the table is
    reported.
    """
    cells = tuple(one.slice for one in alike)
    excess = np.array([abs(one.observed - one.expected) for one in alike])
    worst = int(np.argmax(excess))
    kin, among = (
        sum(_names(cell) == _names(cells[worst]) for cell in every) for every in (cells, set(judged))
    )
    if cells[worst] and not cells[0] and excess[0] >= HOLDS * excess[worst] and kin > HALF * among:
        return [alike[0]]
    size = np.array([abs(one.expected) if one.slice else np.inf for one in alike])
    return [alike[place] for place in narrowest(cells, excess, size, np.ones(len(alike), dtype=bool))]


def _names(where: Slice) -> tuple[str, ...]:
    return tuple(name for name, _value in where)


def _compared(seen: Seen[Any], judgement: Judgement) -> Comparison:
    return Comparison(
        slice=judgement.slice,
        subject=judgement.subject,
        unit=judgement.unit,
        window_start=seen.grid.edge(seen.grid.count - 1),
        window_end=seen.grid.end,
        observed=judgement.observed,
        expected=judgement.expected,
        low=judgement.low,
        high=judgement.high,
    )


def _finding(seen: Seen[Any], judgement: Judgement) -> Finding:
    check, grid, one = seen.check, seen.grid, judgement
    graded = Severity.SEV3 if one.share is None else severity_of(one.share, drop=True)
    says = one.says or title_of(check.table or "", one.slice, one.observed, one.expected, one.unit)
    return Finding(
        check=check.name,
        table=check.table or "",
        slice=one.slice,
        subject=one.subject,
        window_start=grid.edge(grid.count - 1),
        window_end=grid.end,
        observed=one.observed,
        expected=one.expected,
        low=one.low,
        high=one.high,
        unit=one.unit,
        p_value=one.p_value,
        severity=check.severity or graded,
        affected_share=one.share,
        title=says[:300],
    )


def _rows(data: Data, grid: Grid) -> Floats:
    """(grid.count,) rows in each window: for a custom frame, its number of rows."""
    if isinstance(data, Counts):
        return data.total
    if isinstance(data, pd.DataFrame):
        windows = data[WINDOW].to_numpy(dtype=np.int64)
        inside = windows[(windows >= 0) & (windows < grid.count)]
        return np.bincount(inside, minlength=grid.count).astype(np.float64)
    return np.asarray(data.rows[:, 0])
