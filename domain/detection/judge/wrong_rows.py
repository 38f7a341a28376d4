"""Rows with something wrong, in the last window against those before: found, narrowed, reported."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from domain.detection.data.check_run import CheckRun
from domain.detection.data.counts import Floats
from domain.detection.data.tally import Tally
from domain.detection.expect.usual_proportion import LEAST_WINDOWS, UsualProportions, usual_proportions
from domain.detection.judge.again.measure import Measurement
from domain.detection.judge.again.measured import STILL_USUAL, place_measured, usable_measured
from domain.detection.judge.comparison import Comparison
from domain.detection.judge.discovery import WEEK_SECONDS, benjamini_hochberg, level, spend
from domain.detection.judge.judging import Again, Judging
from domain.detection.judge.promise import broken_promises, is_promise, tolerated
from domain.detection.judge.reporting import Numbers, Statement, compared_in, finding_in
from domain.detection.judge.state import CheckState, Verdict, confirm
from domain.detection.judge.title import listed, percent
from domain.detection.judge.usable import learnable
from domain.detection.slices.minimal_set import slices_to_report
from domain.errors import TooFewRows
from domain.recommender.check import Check
from domain.recommender.options import LeastShare
from domain.values import Finding, Slice

ALIKE = 0.1  # of the wrong rows: how far columns with one cause may differ
LASTING, AS_BAD = 4, 1e-3  # windows counted together, and the p-value required in each


@dataclass(frozen=True)
class Words:
    """
    How one kind of wrong rows is worded.

    `says` makes a sentence's middle from column names and a share in percent; `unit` names the rows in the
    plural, given a column; `least_share` is what matters if nothing is declared, `floor` the least that
    matters for a column whatever is declared.
    """

    says: Callable[[str, str], str]
    unit: Callable[[str], str]
    least_share: float
    floor: Callable[[str], float] = lambda _column: 0.0

    def least(self, check: Check, column: str) -> float:
        """The share of a slice's rows that must be wrong in `column` beyond what is usual."""
        return max(LeastShare.of(check).least(self.least_share), self.floor(column))


@dataclass(frozen=True)
class JudgedRows:
    """The last window: (n_cells, n_columns) what was seen, what is usual, how surprising it is."""

    rows: Floats
    bad: Floats
    rates: UsualProportions
    p_values: Floats

    @property
    def expected(self) -> Floats:
        """(n_cells, n_columns) bad rows that are usual for the number of rows."""
        return np.asarray(self.rates.share * self.rows[:, None])


def judge_rows(
    check: Check, tally: Tally, state: CheckState, looks_per_week: float | None, words: Words
) -> Verdict:
    """
    The fewest slices and columns that hold more wrong rows than is usual.

    Returns:
        Findings that are significant over slices, columns and looks, *and* reach the
        least share of the slice's rows and the least number of rows. Columns that are wrong alike in a slice
        are one finding.
    """
    if tally.rows[-1, 0] <= 0:
        return Verdict(state=state, judged=False, note="no rows in this window")
    usable = learnable(tally.grid, tally.first, len(tally.rows), state, LEAST_WINDOWS, tally.rows[:, 0] > 0)
    if usable.sum() < LEAST_WINDOWS:
        return _promises_only(check, tally, state, words)
    judged = judge(tally, usable)
    width = tally.grid.width.total_seconds()
    alpha = level(state.wealth, looks_per_week or WEEK_SECONDS / width)
    least = np.array([words.least(check, column) for column in tally.columns])
    fewest, (rows, lasting) = tally.least(check.least_rows), _so_far(tally, judged)
    found = discovered(tally.cells, judged.p_values, rows >= fewest, alpha)
    found &= lasting >= np.maximum(fewest, least * rows)
    excess = judged.bad - judged.expected  # for a single window: only these add up over slices
    groups = _together(fewest, tally.cells, excess, least * judged.rows[:, None], judged.rows, found)
    findings = [_finding(check, tally, judged, place, columns, words) for place, columns in groups]
    state = state.model_copy(update={"wealth": spend(state.wealth, state.new(findings))})
    reported = {tally.columns[column] for _place, columns in groups for column in columns}
    broken = _broken(check, tally, words, reported)
    sure = {finding.fingerprint for finding in broken}
    verdict = confirm(state, [*findings, *broken], width, tally.start(tally.last), sure=sure)
    return verdict.comparing(_compared(check, tally, state, judged, words))


def _so_far(tally: Tally, judged: JudgedRows) -> tuple[Floats, Floats]:
    """
    (n_cells, n_columns) rows, and wrong ones beyond the usual, of the last window and those right before it
    that were as bad: what is too few rows to matter in one window does matter if it lasts.
    """
    rows = np.repeat(judged.rows[:, None], judged.bad.shape[1], axis=1)
    excess = np.asarray(judged.bad - judged.expected)
    lasting = judged.p_values <= AS_BAD
    for back in range(2, min(LASTING, len(tally.rows)) + 1):
        if not lasting.any():
            break
        n, bad = tally.rows[-back], np.where(lasting, tally.bad[-back], 0.0)
        lasting = judged.rates.p_values(bad, n) <= AS_BAD
        excess += np.where(lasting, bad - judged.rates.share * n[:, None], 0.0)
        rows += np.where(lasting, n[:, None], 0.0)
    return rows, excess


def _compared(
    check: Check, tally: Tally, state: CheckState, judged: JudgedRows, words: Words
) -> Iterator[Comparison]:
    """The comparisons: for the whole table's promises with what was declared, whatever is usual."""
    for place, where in enumerate(tally.cells):
        if where in state.traced and judged.rows[place] > 0:
            for column, name in enumerate(tally.columns):
                numbers = _numbers(judged, place, column, words.unit(name))
                if name in tally.promised and not where:
                    most = tolerated(check, float(judged.rows[place]))
                    numbers = replace(numbers, expected=0.0, high=most)
                yield compared_in(tally, where, name, numbers)


def _broken(check: Check, tally: Tally, words: Words, reported: Collection[str] = ()) -> list[Finding]:
    return broken_promises(
        check, tally, words.unit, lambda names, count: words.says(listed(names), count), reported
    )


def _promises_only(check: Check, tally: Tally, state: CheckState, words: Words) -> Verdict:
    """Judge what was declared, which needs no history; what is learned has to wait for one."""
    broken = _broken(check, tally, words)
    sure = {finding.fingerprint for finding in broken}
    width = tally.grid.width.total_seconds()
    verdict = confirm(state, broken, width, tally.start(tally.last), sure=sure)
    note = None if tally.promised else "not enough history yet"
    return verdict.model_copy(update={"judged": bool(tally.promised), "note": note})


def _together(
    fewest: float,
    cells: tuple[Slice, ...],
    excess: Floats,
    size: Floats,
    rows: Floats,
    found: npt.NDArray[np.bool_],
) -> list[tuple[int, list[int]]]:
    """
    (slice, columns) to report: columns that are wrong in the same number of a slice's rows have one cause.
    """
    groups: list[tuple[int, list[int]]] = []
    for column in np.flatnonzero(found.any(axis=0)):
        here = excess[:, column], size[:, column], rows, found[:, column]
        for place in slices_to_report(cells, *here, fewest):
            for there, columns in groups:
                first = excess[place, columns[0]]
                if there == place and abs(excess[place, column] - first) <= ALIKE * first:
                    columns.append(int(column))
                    break
            else:
                groups.append((place, [int(column)]))
    return groups


def judge(tally: Tally, usable: npt.NDArray[np.bool_]) -> JudgedRows:
    """All slices and columns of the last window, unfiltered."""
    rates = usual_proportions(tally.rows[usable], tally.bad[usable])
    rows, bad = tally.rows[-1], tally.bad[-1]
    return JudgedRows(rows, bad, rates, rates.p_values(bad, rows))


def discovered(
    cells: tuple[Slice, ...], p_values: Floats, tested: npt.NDArray[np.bool_], alpha: float
) -> npt.NDArray[np.bool_]:
    """
    (n_cells, n_columns) discoveries; whole tables, single dimensions and pairs each have their own part of
    the level, so that the few do not pay for the many.
    """
    ways = np.repeat(np.array([len(cell) for cell in cells])[:, None], p_values.shape[1], axis=1)
    found = np.zeros(p_values.shape, dtype=bool)
    families = np.unique(ways[tested])
    for family in families:
        members = tested & (ways == family)
        found[members] = benjamini_hochberg(p_values[members], alpha / len(families))
    return found


def _numbers(judged: JudgedRows, place: int, column: int, unit: str) -> Numbers:
    return Numbers(
        observed=float(judged.bad[place, column]),
        expected=round(float(judged.expected[place, column]), 2),
        low=0.0,
        high=round(float(judged.rates.most(judged.rows)[place, column]), 2),
        unit=unit,
        p_value=float(judged.p_values[place, column]),
    )


def _finding(
    check: Check, tally: Tally, judged: JudgedRows, place: int, columns: list[int], words: Words
) -> Finding:
    """One finding for all columns; the first one determines its name and numbers."""
    first = columns[0]
    rows, bad = float(judged.rows[place]), float(judged.bad[place, first])
    expected = float(judged.expected[place, first])
    affected = min(1.0, (bad - expected) / max(float(judged.rows[0]), 1.0))
    names = [(tally.labels or tally.columns)[column] for column in columns]
    says = words.says(listed(names), percent(bad / rows))
    usual = percent(float(judged.rates.share[place, first]))
    numbers = _numbers(judged, place, first, words.unit(tally.columns[first]))
    statement = Statement(
        tally.cells[place], tally.columns[first], f"{says}, usually {usual}", affected, drop=True
    )
    return finding_in(tally, check, statement, numbers)


def measure_rows(
    check: Check, finding: Finding, tally: Tally, words: Words, memory: CheckState
) -> Measurement:
    """
    Wrong rows of the finding's column and slice in the last window, against the windows before.

    Raises:
        TooFewRows: too short a past, or no rows of the slice now.
    """
    place, rows = place_measured(finding, tally.cells, tally.rows[-1])
    column = tally.columns.index(finding.subject) if finding.subject in tally.columns else None
    if column is None:
        raise TooFewRows(f'table "{finding.table}": {finding.subject} is no longer checked')
    if is_promise(finding):
        bad, most = float(tally.bad[-1, place, column]), tolerated(check, rows)
        return Measurement(observed=bad, expected=0.0, low=0.0, high=most, p_value=float(bad <= most))
    judged = judge(tally, usable_measured(tally, memory))
    least = words.least(check, tally.columns[column])
    expected = float(judged.expected[place, column])
    return Measurement(
        observed=float(judged.bad[place, column]),
        expected=expected,
        low=0.0,
        high=max(float(judged.rates.most(judged.rows)[place, column]), expected + STILL_USUAL * least * rows),
        p_value=float(judged.p_values[place, column]),
    )


def judging(words: Words) -> Judging[Tally]:
    """How a kind that counts wrong rows judges them, and measures them again."""
    return judging_in(lambda _check: words)


def judging_in(words_of: Callable[[Check], Words]) -> Judging[Tally]:
    """The same with words that depend on the check."""

    def verdict(run: CheckRun, tally: Tally, memory: CheckState) -> Verdict:
        return judge_rows(run.check, tally, memory, run.looks_per_week, words_of(run.check))

    def measured(run: CheckRun, tally: Tally, again: Again[Tally]) -> Measurement:
        return measure_rows(run.check, again.finding, tally, words_of(run.check), again.memory)

    return Judging(verdict, measured)
