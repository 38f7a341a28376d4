"""
A feature as the model is fed it, against the same feature as the model learned it.

A model is right about what it learned from. If serving computes a feature differently from training, in
another unit, from a staler table, with another default, scores go wrong with no row missing and no column
changed. So each feature's distribution in the last window of the serving log is compared with that in the
training table: by size, the share of rows that lie elsewhere beyond how far windows of the log differ among
themselves, and by whether that much can be chance. Whether a feature is set is a distribution of its own, as
that is the most frequent skew.

What the two tables hold has to be comparable: if a model learns from what was shown, the serving log has
to be that of what was shown.

Source:
    Training-serving skew: Breck et al. (2019), "Data Validation for Machine Learning", SysML. The test is
    that of `distribution`.
"""

from __future__ import annotations

from typing import Self

import numpy as np
import numpy.typing as npt
from pydantic import model_validator

from domain.detection.data.check_run import CheckRun
from domain.detection.data.counts import Floats
from domain.detection.data.feature_skew import NOT_SET, SET, ServedFeatures
from domain.detection.data.histogram import Bins
from domain.detection.judge.again.measure import Measurement
from domain.detection.judge.again.measured import STILL_USUAL, cell_measured
from domain.detection.judge.distribution import compare, moved_by, population_stability
from domain.detection.judge.judging import Again, Judging, by_check
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
from domain.detection.judge.title import percent
from domain.detection.judge.usable import learnable
from domain.detection.judge.wrong_rows import discovered
from domain.detection.kind import Kind
from domain.detection.kinds.rows.drift import BAND, JudgedColumns
from domain.detection.needs import FeatureSkew
from domain.detection.slices.minimal_set import narrowest
from domain.errors import TooFewRows
from domain.recommender.check import Check
from domain.recommender.options import LearnedFrom, LeastShare, OfColumns
from domain.values import Finding

LEAST_WINDOWS = 3
LEAST_SHARE = 0.1  # of the rows that must lie elsewhere than in training, if nothing is declared


class Keys(LearnedFrom, OfColumns, LeastShare):
    """What the model learned from, the features looked at, and the share of rows that matters."""

    @model_validator(mode="after")
    def _said(self) -> Self:
        if self.learned_from is None:
            raise ValueError('does not say what the model learned from; add learned_from = "table"')
        return self


def subject_of(bins: Bins) -> str:
    """
    >>> subject_of(Bins("rating", labels=(SET, NOT_SET), named=2))
    'rating not set'
    """
    return f"{bins.column} {NOT_SET}" if bins.labels == (SET, NOT_SET) else bins.column


def judge_skew(
    check: Check, fed: ServedFeatures, state: CheckState, looks_per_week: float | None = None
) -> Verdict:
    """
    The features, and the fewest slices of them, that are fed differently than they were learned.

    Returns:
        Findings that are significant over slices, features and looks, *and* whose displaced rows reach the
        least share and the least number of rows. `observed` is the number of rows elsewhere than in training,
        `expected` the number by which windows usually differ from one another.
    """
    served = fed.served
    usable = usable_windows(fed, state)
    if usable.sum() < LEAST_WINDOWS or served.rows[-1, 0] <= 0:
        return unjudged(state, float(served.rows[-1, 0]))
    if not any(learned.sum() > 0 for learned in fed.learned):
        return Verdict(state=state, judged=False, note=f"no rows in {Keys.of(check).learned_from}")
    judged = judge(fed, usable)
    width = served.grid.width.total_seconds()
    alpha = level_of(state, looks_per_week, width)
    excess = (judged.moved - judged.usual) * judged.rows
    matters = (judged.moved - judged.usual >= least_share(check)) & (excess >= check.least_rows)
    found = discovered(served.cells, judged.p_values, judged.rows >= check.least_rows, alpha) & matters
    findings = [
        _finding(check, fed, judged, place, int(column))
        for column in np.flatnonzero(found.any(axis=0))
        for place in narrowest(served.cells, excess[:, column], served.rows[-1], found[:, column])
    ]
    verdict = conclude(state, findings, width, served.start(served.last))
    return verdict.comparing(
        compared_in(served, where, subject_of(bins), _numbers(judged, bins, (place, column)))
        for place, where in enumerate(served.cells)
        for column, bins in enumerate(served.bins)
        if where in state.traced and judged.rows[place, column] > 0
    )


def least_share(check: Check) -> float:
    """The share of rows elsewhere that matters."""
    return Keys.of(check).least(LEAST_SHARE)


def usable_windows(fed: ServedFeatures, state: CheckState) -> npt.NDArray[np.bool_]:
    """(n_windows,) the windows whose scatter is learned from."""
    rows = fed.served.rows
    return learnable(fed.served.grid, fed.served.first, len(rows), state, LEAST_WINDOWS, rows[:, 0] > 0)


def judge(fed: ServedFeatures, usable: npt.NDArray[np.bool_]) -> JudgedColumns:
    """All slices and columns of the last window, unfiltered."""
    sides = [
        (found.p_values, found.moved, found.usual, counts[-1].sum(axis=-1))
        for counts, learned in zip(fed.served.counts, fed.learned, strict=True)
        for found in (compare(counts[usable], counts[-1], learned),)
    ]
    shape = (len(fed.served.cells), 0)
    columns = [np.stack(side, axis=-1) if side else np.zeros(shape) for side in zip(*sides, strict=True)]
    return JudgedColumns(*(columns or [np.zeros(shape)] * 4))


def _numbers(judged: JudgedColumns, bins: Bins, at: tuple[int, int]) -> Numbers:
    return judged.numbers(at, f"rows elsewhere in {bins.column} than in training")


def _finding(check: Check, fed: ServedFeatures, judged: JudgedColumns, place: int, column: int) -> Finding:
    served, at = fed.served, (place, column)
    rows, moved, usual = (float(side[at]) for side in (judged.rows, judged.moved, judged.usual))
    where, bins = served.cells[place], served.bins[column]
    affected = min(1.0, (moved - usual) * rows / max(float(served.rows[-1, 0]), 1.0))
    says = describe(bins, fed.learned[column][place], served.counts[column][-1, place])
    statement = Statement(where, subject_of(bins), says, affected)
    return finding_in(served, check, statement, _numbers(judged, bins, at))


def describe(bins: Bins, learned: Floats, fed: Floats) -> str:
    """
    The skew in words, with its size.

    >>> bins = Bins("rating", labels=(SET, NOT_SET), named=2)
    >>> describe(bins, np.array([100.0, 0.0]), np.array([70.0, 30.0]))
    'rating is not set in 30 % of the served rows, in training in none'
    """
    p, q = (one / max(float(one.sum()), 1.0) for one in (learned, fed))
    if bins.labels == (SET, NOT_SET):
        now, then = percent(float(q[1])), percent(float(p[1]))
        return f"{bins.column} is not set in {now} of the served rows, in training in {then}"
    stability = f"stability index {population_stability(learned, fed):.2f}"
    if bins.edges:
        edges = np.array(bins.edges if len(bins.edges) > 1 else (*bins.edges, *bins.edges))
        way = "higher" if float(((q - p) * (edges[:-1] + edges[1:])).sum()) > 0 else "lower"
        size = f"{moved_by(edges, learned, fed):,.3g}"
        return f"{bins.column} differs from training by {size} on average, mostly {way} ({stability})"
    worst = int(np.argmax(np.abs(q - p)))
    now, then = percent(float(q[worst])), percent(float(p[worst]))
    held = f"{bins.labels[worst]} {now}, in training {then}"
    return f"{bins.column} is served differently from training: {held} ({stability})"


def measure_skew(check: Check, finding: Finding, fed: ServedFeatures, memory: CheckState) -> Measurement:
    """
    Rows of the finding's feature and slice that lie elsewhere than in training, in the last window.

    Raises:
        TooFewRows: too short a past, or no rows of the slice now.
    """
    place = cell_measured(finding, fed.served.cells)
    names = [subject_of(one) for one in fed.served.bins]
    usable = usable_windows(fed, memory)
    if usable.sum() < LEAST_WINDOWS or finding.subject not in names:
        raise TooFewRows(f'table "{finding.table}": too short a past, or no {finding.subject} any more')
    judged, at = judge(fed, usable), (place, names.index(finding.subject))
    rows = float(judged.rows[at])
    if rows <= 0:
        raise TooFewRows(f'table "{finding.table}": no rows of this slice in this window; it is too early')
    usual = float(judged.usual[at]) * rows
    return Measurement(
        observed=float(judged.moved[at]) * rows,
        expected=usual,
        low=0.0,
        high=max(BAND * usual, usual + STILL_USUAL * least_share(check) * rows),
        p_value=float(judged.p_values[at]),
    )


def _measured(run: CheckRun, fed: ServedFeatures, again: Again[ServedFeatures]) -> Measurement:
    return measure_skew(run.check, again.finding, fed, again.memory)


KIND = Kind(
    name="skew",
    purpose="training–serving skew: features served differently from training",
    example={"learned_from": "training"},
    options=Keys,
    needs=FeatureSkew(),
    judging=Judging(by_check(judge_skew), _measured),
    sliced="asked",
    evidences=("monitor-3",),
)
