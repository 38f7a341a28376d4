"""
A feature as the model is fed it, against the same feature as the model learned it.

A model is right about what it learned from. Where serving computes a feature in another way than training
did, in another unit, from a staler table, with another default, scores go wrong with no row missing and no
column changed. So each feature's distribution in the last window of the serving log is held against that in
the training table: by size, the share of rows that lie elsewhere beyond what windows of the log differ among
themselves, and by whether so much can be chance. That a feature is not set is a distribution of its own, for
it is the most frequent skew.

What the two tables hold has to be comparable: where a model learns from what was shown, the serving log has
to be that of what was shown.

Source:
    Training-serving skew: Breck et al. (2019), "Data Validation for Machine Learning", SysML. The test is
    that of `distribution`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from domain.detection.counts import Floats
from domain.detection.discovery import WEEK_SECONDS, level, spend
from domain.detection.distribution import compare, moved_by, population_stability
from domain.detection.drift import BAND, Judged
from domain.detection.histogram import Bins, Histograms
from domain.detection.narrow import narrowest
from domain.detection.severity import severity_of
from domain.detection.state import CheckState, Verdict, confirm
from domain.detection.tally import learnable
from domain.detection.title import percent, place_of
from domain.detection.wrong import discovered
from domain.recommender.check import Check
from domain.values import Finding

LEAST_WINDOWS = 3
LEAST_SHARE = 0.1  # of the rows that must lie elsewhere than in training, where nothing is declared
SET, NOT_SET = "set", "not set"


@dataclass(frozen=True)
class Fed:
    """
    What was fed, `served`: histograms by window, the last one judged; and what was learned from, `learned`:
    (n_cells, n_bins) counts for each of the same bins and slices. A column may have a second entry of bins
    with the labels `SET` and `NOT_SET`.
    """

    served: Histograms
    learned: tuple[Floats, ...]

    def until(self, last: int, history: int) -> Fed:
        """The same with window `last` as the judged one and at most `history` windows before it."""
        return replace(self, served=self.served.until(last, history))


def subject_of(bins: Bins) -> str:
    """
    >>> subject_of(Bins("rating", labels=(SET, NOT_SET), named=2))
    'rating not set'
    """
    return f"{bins.column} {NOT_SET}" if bins.labels == (SET, NOT_SET) else bins.column


def judge_skew(check: Check, fed: Fed, state: CheckState, looks_per_week: float | None = None) -> Verdict:
    """
    The features, and the fewest slices of them, that are fed otherwise than they were learned.

    Returns:
        Findings that are significant over slices, features and looks, *and* whose rows elsewhere reach the
        least share and the least number of rows. `observed` is the number of rows elsewhere than in training,
        `expected` how many windows usually have elsewhere than each other.
    """
    served = fed.served
    usable = usable_windows(fed, state)
    if usable.sum() < LEAST_WINDOWS or served.rows[-1, 0] <= 0:
        note = "not enough history yet" if served.rows[-1, 0] > 0 else "no rows in this window"
        return Verdict(state=state, judged=False, note=note)
    if not any(learned.sum() > 0 for learned in fed.learned):
        return Verdict(state=state, judged=False, note=f"no rows in {check.learned_from}")
    judged = judge(fed, usable)
    width = served.grid.width.total_seconds()
    alpha = level(state.wealth, looks_per_week or WEEK_SECONDS / width)
    excess = (judged.moved - judged.usual) * judged.rows
    matters = (judged.moved - judged.usual >= least_share(check)) & (excess >= check.least_rows)
    found = discovered(served.cells, judged.p_values, judged.rows >= check.least_rows, alpha) & matters
    findings = [
        _finding(check, fed, judged, place, int(column))
        for column in np.flatnonzero(found.any(axis=0))
        for place in narrowest(served.cells, excess[:, column], served.rows[-1], found[:, column])
    ]
    state = state.model_copy(update={"wealth": spend(state.wealth, state.new(findings))})
    return confirm(state, findings, width, served.start(served.last))


def least_share(check: Check) -> float:
    """The share of rows elsewhere that matters."""
    return check.least_share if check.least_share is not None else LEAST_SHARE


def usable_windows(fed: Fed, state: CheckState) -> npt.NDArray[np.bool_]:
    """(n_windows,) those whose scatter is learned from."""
    rows = fed.served.rows
    return learnable(fed.served.grid, fed.served.first, len(rows), state, LEAST_WINDOWS, rows[:, 0] > 0)


def judge(fed: Fed, usable: npt.NDArray[np.bool_]) -> Judged:
    """All slices and columns of the last window, none of them filtered."""
    sides = [
        (found.p_values, found.moved, found.usual, counts[-1].sum(axis=-1))
        for counts, learned in zip(fed.served.counts, fed.learned, strict=True)
        for found in (compare(counts[usable], counts[-1], learned),)
    ]
    shape = (len(fed.served.cells), 0)
    columns = [np.stack(side, axis=-1) if side else np.zeros(shape) for side in zip(*sides, strict=True)]
    return Judged(*(columns or [np.zeros(shape)] * 4))


def _finding(check: Check, fed: Fed, judged: Judged, place: int, column: int) -> Finding:
    served, at = fed.served, (place, column)
    rows, moved, usual = (float(side[at]) for side in (judged.rows, judged.moved, judged.usual))
    where, bins = served.cells[place], served.bins[column]
    affected = min(1.0, (moved - usual) * rows / max(float(served.rows[-1, 0]), 1.0))
    says = describe(bins, fed.learned[column][place], served.counts[column][-1, place])
    return Finding(
        check=check.name,
        table=check.table or "",
        slice=where,
        subject=subject_of(bins),
        window_start=served.start(served.last),
        window_end=served.end(served.last),
        observed=round(moved * rows, 1),
        expected=round(usual * rows, 1),
        low=0.0,
        high=round(BAND * usual * rows, 1),
        unit=f"rows elsewhere in {bins.column} than in training",
        p_value=float(judged.p_values[at]),
        severity=check.severity or severity_of(affected, drop=False),
        affected_share=affected,
        title=f"{place_of(check.table or '', where)}: {says}"[:300],
    )


def describe(bins: Bins, learned: Floats, fed: Floats) -> str:
    """
    The skew in words, with its size.

    >>> bins = Bins("rating", labels=(SET, NOT_SET), named=2)
    >>> describe(bins, np.array([100.0, 0.0]), np.array([70.0, 30.0]))
    'rating is not set in 30 % of what the model is fed; in training it was in none'
    """
    p, q = (one / max(float(one.sum()), 1.0) for one in (learned, fed))
    if bins.labels == (SET, NOT_SET):
        now, then = percent(float(q[1])), percent(float(p[1]))
        return f"{bins.column} is not set in {now} of what the model is fed; in training it was in {then}"
    stability = f"stability index {population_stability(learned, fed):.2f}"
    if bins.edges:
        edges = np.array(bins.edges if len(bins.edges) > 1 else (*bins.edges, *bins.edges))
        way = "higher" if float(((q - p) * (edges[:-1] + edges[1:])).sum()) > 0 else "lower"
        size = f"{moved_by(edges, learned, fed):,.3g}"
        return f"{bins.column} is fed {size} off training on average, mostly {way} ({stability})"
    worst = int(np.argmax(np.abs(q - p)))
    now, then = percent(float(q[worst])), percent(float(p[worst]))
    held = f"{bins.labels[worst]} {now}, in training {then}"
    return f"{bins.column} is fed otherwise than it was learned: {held} ({stability})"
