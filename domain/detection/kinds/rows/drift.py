"""The distribution of a column in the last window against earlier windows, and by how much it moved."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from domain.detection.data.check_run import CheckRun
from domain.detection.data.counts import Floats
from domain.detection.data.histogram import Bins, Histograms
from domain.detection.judge.again.measure import Measurement
from domain.detection.judge.again.measured import STILL_USUAL, place_measured, usable_measured
from domain.detection.judge.distribution import Surprise, compare, moved_by, population_stability
from domain.detection.judge.judging import Again, Judging, by_check, of_its_slice
from domain.detection.judge.reporting import (
    Numbers,
    Statement,
    compared_in,
    conclude,
    finding_in,
    level_of,
    unjudged,
)
from domain.detection.judge.state import CheckState, Verdict
from domain.detection.judge.title import amount_of, percent
from domain.detection.judge.usable import learnable
from domain.detection.judge.wrong_rows import discovered
from domain.detection.kind import Kind
from domain.detection.needs import ColumnHistograms
from domain.detection.slices.minimal_set import narrowest
from domain.detection.suited import Suited, logged
from domain.errors import TooFewRows
from domain.recommender.check import Check
from domain.recommender.options import LeastShare, OfColumns
from domain.recommender.recommender import Recommender
from domain.values import Finding

LEAST_WINDOWS = 3
LEAST_SHARE = 0.1  # of the rows that must have moved beyond the usual, if nothing is declared
HALF, LEAST_RARE = 0.5, 0.02  # of what is rare, if that is less: labels are few, and all may be lost
BAND = 2.0  # of what usually moves

Says = Callable[[Bins, Floats, Floats], str]
"""The change of a column in words, from its bins and its counts before and now, (n_bins,) each."""


class Keys(OfColumns, LeastShare):
    """The columns looked at, and the share of rows that must have moved."""


@dataclass(frozen=True)
class JudgedColumns:
    """(n_cells, n_columns): how surprising, the share of rows that moved, the share that usually does."""

    p_values: Floats
    moved: Floats
    usual: Floats
    rows: Floats

    def numbers(self, at: tuple[int, int], unit: str) -> Numbers:
        """How many rows of a cell's column moved, beside how many usually do."""
        rows, moved, usual = (float(side[at]) for side in (self.rows, self.moved, self.usual))
        return Numbers(
            observed=round(moved * rows, 1),
            expected=round(usual * rows, 1),
            low=0.0,
            high=round(BAND * usual * rows, 1),
            unit=unit,
            p_value=float(self.p_values[at]),
        )


def judge_drift(
    check: Check,
    histograms: Histograms,
    state: CheckState,
    looks_per_week: float | None = None,
    says: Says | None = None,
) -> Verdict:
    """
    The fewest slices whose column is distributed differently than in the past, worded by `says` (`describe`
    if not given).

    Returns:
        Findings that are significant over slices, columns and looks, *and* whose moved rows reach the least
        share and the least number of rows. `observed` is the number of rows that moved, `expected` how many
        usually do.
    """
    rows = histograms.rows
    usable = learnable(histograms.grid, histograms.first, len(rows), state, LEAST_WINDOWS, rows[:, 0] > 0)
    if usable.sum() < LEAST_WINDOWS or rows[-1, 0] <= 0:
        return unjudged(state, float(rows[-1, 0]))
    width = histograms.grid.width.total_seconds()
    alpha = level_of(state, looks_per_week, width)
    judged = judge(histograms, usable)
    excess = (judged.moved - judged.usual) * judged.rows
    matters = (judged.moved - judged.usual >= _least(check, histograms, usable)) & (
        excess >= check.least_rows
    )
    tested = judged.rows >= check.least_rows
    found = discovered(histograms.cells, judged.p_values, tested, alpha) & matters
    findings = [
        _finding(
            check, histograms, judged, (place, int(column)), _change(histograms, usable, says or describe)
        )
        for column in np.flatnonzero(found.any(axis=0))
        for place in narrowest(histograms.cells, excess[:, column], rows[-1], found[:, column])
    ]
    verdict = conclude(state, findings, width, histograms.start(histograms.last))
    return verdict.comparing(
        compared_in(histograms, where, bins.column, _numbers(judged, bins, (place, column)))
        for place, where in enumerate(histograms.cells)
        for column, bins in enumerate(histograms.bins)
        if where in state.traced and judged.rows[place, column] > 0
    )


def judge(histograms: Histograms, usable: npt.NDArray[np.bool_]) -> JudgedColumns:
    """All slices and columns; a column is not judged within slices that it defines."""
    surprises: list[Surprise] = []
    for one, counts in zip(histograms.bins, histograms.counts, strict=True):
        found = compare(counts[usable], counts[-1])
        own = np.array([any(name == one.column for name, _ in cell) for cell in histograms.cells])
        surprises.append(
            Surprise(np.where(own, 1.0, found.p_values), np.where(own, 0.0, found.moved), found.usual)
        )
    shape = (len(histograms.cells), 0)

    def side(columns: list[Floats]) -> Floats:
        return np.stack(columns, axis=-1) if columns else np.zeros(shape)

    return JudgedColumns(
        p_values=side([one.p_values for one in surprises]),
        moved=side([one.moved for one in surprises]),
        usual=side([one.usual for one in surprises]),
        rows=side([counts[-1].sum(axis=-1) for counts in histograms.counts]),
    )


def _least(check: Check, histograms: Histograms, usable: npt.NDArray[np.bool_]) -> Floats:
    """
    (n_cells, n_columns) share of rows that must have moved: if nothing is declared, for a column that
    mostly holds one value at most half of the others.
    """
    shape = (len(histograms.cells), len(histograms.counts))
    declared = LeastShare.of(check).least_share
    if declared is not None:
        return np.full(shape, declared)
    least = np.full(shape, LEAST_SHARE)
    for column, counts in enumerate(histograms.counts):
        past = counts[usable].sum(axis=0)
        rare = 1 - past.max(axis=-1) / np.maximum(past.sum(axis=-1), 1.0)
        least[:, column] = np.clip(HALF * rare, LEAST_RARE, LEAST_SHARE)
    return least


def _numbers(judged: JudgedColumns, bins: Bins, at: tuple[int, int]) -> Numbers:
    return judged.numbers(at, f"rows elsewhere in {bins.column}")


def _finding(
    check: Check,
    histograms: Histograms,
    judged: JudgedColumns,
    found: tuple[int, int],
    change: Callable[[int, int], str],
) -> Finding:
    place, column = found
    bins, rows = histograms.bins[column], float(judged.rows[place, column])
    moved, usual = float(judged.moved[place, column]), float(judged.usual[place, column])
    affected = min(1.0, (moved - usual) * rows / max(float(histograms.rows[-1, 0]), 1.0))
    where = histograms.cells[place]
    statement = Statement(where, bins.column, change(place, column), affected)
    return finding_in(histograms, check, statement, _numbers(judged, bins, found))


def _change(histograms: Histograms, usable: npt.NDArray[np.bool_], says: Says) -> Callable[[int, int], str]:
    def change(place: int, column: int) -> str:
        counts = histograms.counts[column][:, place]
        return says(histograms.bins[column], counts[usable].sum(axis=0), counts[-1])

    return change


def describe(bins: Bins, reference: Floats, current: Floats) -> str:
    """
    The change in words, with its size.

    >>> bins = Bins("device", labels=("tv", "web"), named=2)
    >>> describe(bins, np.array([50.0, 50.0]), np.array([80.0, 20.0]))
    'device changed: tv 80 %, usually 50 % (stability index 0.42)'
    """
    stability = f"stability index {population_stability(reference, current):.2f}"
    p, q = (one / max(float(one.sum()), 1.0) for one in (reference, current))
    if bins.edges:
        edges = np.array(bins.edges if len(bins.edges) > 1 else (*bins.edges, *bins.edges))
        middle = (edges[:-1] + edges[1:]) / 2
        way = "higher" if float(((q - p) * middle).sum()) > 0 else "lower"
        size = amount_of(moved_by(edges, reference, current))
        return f"{bins.column} moved by {size} on average, mostly {way} ({stability})"
    worst = int(np.argmax(np.abs(q - p)))
    now, usually = percent(float(q[worst])), percent(float(p[worst]))
    return f"{bins.column} changed: {bins.labels[worst]} {now}, usually {usually} ({stability})"


def measure_moved(check: Check, finding: Finding, histograms: Histograms, memory: CheckState) -> Measurement:
    """
    Rows of the finding's column and slice that moved in the last window, against the windows before.

    Raises:
        TooFewRows: too short a past, or no rows of the slice now.
    """
    place, _rows = place_measured(finding, histograms.cells, histograms.rows[-1])
    names = [one.column for one in histograms.bins]
    if finding.subject not in names:
        raise TooFewRows(f'table "{finding.table}": {finding.subject} has no values in this window')
    column = names.index(finding.subject)
    judged = judge(histograms, usable_measured(histograms, memory))
    rows = float(judged.rows[place, column])
    usual = float(judged.usual[place, column]) * rows
    least = LeastShare.of(check).least(LEAST_SHARE)
    return Measurement(
        observed=float(judged.moved[place, column]) * rows,
        expected=usual,
        low=0.0,
        high=max(BAND * usual, usual + STILL_USUAL * least * rows),
        p_value=float(judged.p_values[place, column]),
    )


def _measured(run: CheckRun, histograms: Histograms, again: Again[Histograms]) -> Measurement:
    return measure_moved(run.check, again.finding, histograms, again.memory)


def only_its_column(run: CheckRun, finding: Finding) -> CheckRun:
    """The look with only the finding's column and the dimensions of its slice."""
    only = run.check.with_options(columns=(finding.subject,))
    options = run.options.model_copy(update={"columns": (finding.subject,)})
    return replace(of_its_slice(run, finding), check=only, options=options)


def _suits(recommender: Recommender) -> Iterator[Suited]:
    for model, table in logged(recommender):
        yield Suited(table, {"columns": model.features})


KIND = Kind(
    name="drift",
    purpose="the distribution of a column, moved",
    options=Keys,
    needs=ColumnHistograms(lambda keys: keys.columns),
    judging=Judging(by_check(judge_drift), _measured, narrowed=only_its_column),
    sliced="always",
    evidences=("monitor-2",),
    benign=True,
    suits=_suits,
)
