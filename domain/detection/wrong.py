"""Rows of which something is wrong, in the last window against the windows before: found, narrowed, told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from domain.detection.counts import Floats
from domain.detection.discovery import WEEK_SECONDS, benjamini_hochberg, level, spend
from domain.detection.narrow import to_tell
from domain.detection.rate import LEAST_WINDOWS, Rates, expect_rates
from domain.detection.severity import severity_of
from domain.detection.state import CheckState, Verdict, confirm
from domain.detection.tally import Tally, learnable
from domain.detection.title import percent, place_of
from domain.recommender.check import Check
from domain.values import Finding, Slice

ALIKE = 0.1  # of the wrong rows, by which columns may differ that are wrong for one cause
NAMED = 3  # columns that a title names before it counts the others


@dataclass(frozen=True)
class Words:
    """
    How one kind of wrong rows is told.

    `says` makes a sentence's middle of column names and a share in percent; `unit` names the rows in the
    plural, given a column; `least_share` is what matters where the declaration says nothing, `floor` what
    of a column matters whatever it says.
    """

    says: Callable[[str, str], str]
    unit: Callable[[str], str]
    least_share: float
    floor: Callable[[str], float] = lambda _column: 0.0

    def least(self, check: Check, column: str) -> float:
        """The share of a slice's rows that must be wrong in `column` beyond what is usual."""
        declared = check.least_share if check.least_share is not None else self.least_share
        return max(declared, self.floor(column))


@dataclass(frozen=True)
class Judged:
    """The last window: (n_cells, n_columns) what was seen, what is usual, how surprising it is."""

    rows: Floats
    bad: Floats
    rates: Rates
    p_values: Floats

    @property
    def expected(self) -> Floats:
        """(n_cells, n_columns) bad rows that are usual among so many rows."""
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
    usable = learnable(tally.grid, tally.first, len(tally.rows), state, LEAST_WINDOWS, tally.rows[:, 0] > 0)
    if usable.sum() < LEAST_WINDOWS or tally.rows[-1, 0] <= 0:
        note = "not enough history yet" if tally.rows[-1, 0] > 0 else "no rows in this window"
        return Verdict(state=state, judged=False, note=note)
    judged = judge(tally, usable)
    width = tally.grid.width.total_seconds()
    alpha = level(state.wealth, looks_per_week or WEEK_SECONDS / width)
    excess = judged.bad - judged.expected
    least = np.array([words.least(check, column) for column in tally.columns])
    matters = excess >= np.maximum(check.least_rows, least * judged.rows[:, None])
    tested = np.repeat((judged.rows >= check.least_rows)[:, None], excess.shape[1], axis=1)
    found = discovered(tally.cells, judged.p_values, tested, alpha) & matters
    findings = [
        _finding(check, tally, judged, place, columns, words)
        for place, columns in _together(
            check, tally.cells, excess, least * judged.rows[:, None], judged.rows, found
        )
    ]
    state = state.model_copy(update={"wealth": spend(state.wealth, state.new(findings))})
    return confirm(state, findings, width, tally.start(tally.last))


def _together(
    check: Check,
    cells: tuple[Slice, ...],
    excess: Floats,
    size: Floats,
    rows: Floats,
    found: npt.NDArray[np.bool_],
) -> list[tuple[int, list[int]]]:
    """(slice, columns) to tell of: columns that are wrong in as many rows of a slice have one cause."""
    told: list[tuple[int, list[int]]] = []
    for column in np.flatnonzero(found.any(axis=0)):
        here = excess[:, column], size[:, column], rows, found[:, column]
        for place in to_tell(cells, *here, check.least_rows):
            for there, columns in told:
                first = excess[place, columns[0]]
                if there == place and abs(excess[place, column] - first) <= ALIKE * first:
                    columns.append(int(column))
                    break
            else:
                told.append((place, [int(column)]))
    return told


def judge(tally: Tally, usable: npt.NDArray[np.bool_]) -> Judged:
    """All slices and columns of the last window, none of them filtered."""
    rates = expect_rates(tally.rows[usable], tally.bad[usable])
    rows, bad = tally.rows[-1], tally.bad[-1]
    return Judged(rows, bad, rates, rates.p_values(bad, rows))


def discovered(
    cells: tuple[Slice, ...], p_values: Floats, tested: npt.NDArray[np.bool_], alpha: float
) -> npt.NDArray[np.bool_]:
    """
    (n_cells, n_columns) discoveries; whole tables, single dimensions and pairs each have their part of the
    level, so that the few do not pay for the many.
    """
    ways = np.repeat(np.array([len(cell) for cell in cells])[:, None], p_values.shape[1], axis=1)
    found = np.zeros(p_values.shape, dtype=bool)
    families = np.unique(ways[tested])
    for family in families:
        members = tested & (ways == family)
        found[members] = benjamini_hochberg(p_values[members], alpha / len(families))
    return found


def listed(names: list[str]) -> str:
    """
    >>> listed(["a", "b", "c", "d", "e"])
    'a, b, c and 2 more'
    """
    if len(names) <= NAMED:
        return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
    return f"{', '.join(names[:NAMED])} and {len(names) - NAMED} more"


def _finding(
    check: Check, tally: Tally, judged: Judged, place: int, columns: list[int], words: Words
) -> Finding:
    """One finding for all columns; the first one gives it its name and numbers."""
    first = columns[0]
    rows, bad = float(judged.rows[place]), float(judged.bad[place, first])
    expected = float(judged.expected[place, first])
    affected = min(1.0, (bad - expected) / max(float(judged.rows[0]), 1.0))
    names = [(tally.told or tally.columns)[column] for column in columns]
    says = words.says(listed(names), percent(bad / rows))
    usual = percent(float(judged.rates.share[place, first]))
    return Finding(
        check=check.name,
        table=check.table or "",
        slice=tally.cells[place],
        subject=tally.columns[first],
        window_start=tally.start(tally.last),
        window_end=tally.end(tally.last),
        observed=bad,
        expected=round(expected, 2),
        low=0.0,
        high=round(float(judged.rates.most(judged.rows)[place, first]), 2),
        unit=words.unit(tally.columns[first]),
        p_value=float(judged.p_values[place, first]),
        severity=check.severity or severity_of(affected, drop=True),
        affected_share=affected,
        title=f"{place_of(check.table or '', tally.cells[place])}: {says}, usually {usual}"[:300],
    )
