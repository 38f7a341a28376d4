"""
How long answers take: the quantiles of a logged time in each slice, against its own past and a promised
limit.

Quantiles cannot be averaged, and a quantile's own scatter is that of a few rare rows. So what is tested is a
count: how many answers of the last window are slower than `1 + least_change` times the slice's usual
quantile, against how many usually are (a beta-binomial that learns how unsteady that tail is). It
is reported if so many are that the quantile itself has moved that far: if more than 1 − q of the answers lie
beyond.

A promise needs no past: more than 1 − q of the answers beyond the limit, and more than chance explains.

Source:
    A quantile's interval by counting exceedances (the sign test): David & Nagaraja (2003), "Order
    Statistics", 3rd ed., ch. 7.1. Counts in buckets that widen with the value: Tene, HdrHistogram.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from domain.detection.data.check_run import CheckRun
from domain.detection.data.counts import Floats
from domain.detection.data.histogram import Histograms
from domain.detection.expect.usual_proportion import LEAST_WINDOWS, UsualProportions, usual_proportions
from domain.detection.judge.again.measure import Measurement
from domain.detection.judge.again.measured import STILL_USUAL, none_measured
from domain.detection.judge.comparison import Comparison
from domain.detection.judge.judging import Again, Judging, by_check
from domain.detection.judge.reporting import Numbers, Statement, compared_in, conclude, finding_in, level_of
from domain.detection.judge.state import CheckState, Verdict
from domain.detection.judge.usable import learnable
from domain.detection.judge.wrong_rows import JudgedRows, discovered
from domain.detection.kind import Kind
from domain.detection.needs import AnswerTimes
from domain.detection.slices.minimal_set import narrowest
from domain.errors import TooFewRows
from domain.recommender.check import Check
from domain.recommender.options import Limits, Per
from domain.values import Finding, Slice, share_rows

QUANTILES = {"p50": 0.50, "p95": 0.95, "p99": 0.99}


class Keys(Limits, Per):
    """What was promised for the quantiles, and what counts once."""


@dataclass(frozen=True)
class Slow:
    """
    What is counted: (n_windows, n_cells) answers slower than `beyond` (n_cells,), one of the edges, in the
    column's unit. `usual` (n_cells,) is the past's quantile, NaN for a promise; `share` how many may be
    slower.
    """

    name: str
    share: float
    slower: Floats
    beyond: Floats
    usual: Floats

    @property
    def promised(self) -> bool:
        """Whether it is compared with a limit and not with the past."""
        return bool(np.isnan(self.usual).all())

    def unit(self, column: str) -> str:
        """What is counted, in words: each quantile of a column has its own."""
        return f"answers over the {'promised' if self.promised else 'usual'} {self.name} of {column}"


def quantile_of(edges: Floats, counts: Floats, q: float) -> Floats:
    """
    The quantiles of histograms (…, n_bins), linear within a bin; NaN for an empty histogram.

    >>> quantile_of(np.array([0.0, 10.0, 20.0]), np.array([[5.0, 5.0], [0.0, 0.0]]), 0.75).tolist()
    [15.0, nan]
    """
    upto = np.cumsum(counts, axis=-1)
    total = upto[..., -1:]
    place = np.minimum((upto < q * total).sum(axis=-1), counts.shape[-1] - 1)[..., None]
    within = np.take_along_axis(counts, place, axis=-1)
    before = np.take_along_axis(upto, place, axis=-1) - within
    part = np.clip((q * total - before) / np.maximum(within, 1e-9), 0.0, 1.0)
    value = edges[place] + part * (edges[place + 1] - edges[place])
    return np.asarray(np.where(total > 0, value, np.nan)[..., 0])


def slow_of(check: Check, held: Histograms, usable: npt.NDArray[np.bool_]) -> list[Slow]:
    """
    The promises first, then the quantiles of the past if there is enough of it.

    Args:
        held: one column, cut at edges that include the limits.
    """
    edges, counts = np.array(held.bins[0].edges), held.counts[0]
    slow = []
    for promised, limit in Keys.of(check).limits.items():
        beyond = np.full(len(held.cells), limit)
        share, none = 1 - QUANTILES[promised], np.full(len(beyond), np.nan)
        slow.append(Slow(promised, share, _slower(edges, counts, beyond), beyond, none))
    if usable.sum() >= LEAST_WINDOWS:
        past = counts[usable].sum(axis=0)
        for name, q in QUANTILES.items():
            usual = quantile_of(edges, past, q)
            wanted = np.nan_to_num((1 + check.least_change) * usual, nan=np.inf)
            beyond = edges[np.minimum(np.searchsorted(edges, wanted), len(edges) - 1)]
            slow.append(Slow(name, 1 - q, _slower(edges, counts, beyond), beyond, usual))
    return slow


def _slower(edges: Floats, counts: Floats, beyond: Floats) -> Floats:
    """(n_windows, n_cells) counts in the bins that begin at `beyond` (n_cells,) or above."""
    return np.asarray((counts * (edges[None, :-1] >= beyond[:, None])[None]).sum(axis=-1))


def judge(held: Histograms, usable: npt.NDArray[np.bool_], slow: Slow) -> JudgedRows:
    """All slices of the last window in one quantile, unfiltered."""
    answers = held.counts[0].sum(axis=-1)
    bad = slow.slower[:, :, None]
    if slow.promised:
        shape = (len(held.cells), 1)
        rates = UsualProportions.without_scatter(np.full(shape, slow.share))
    else:
        rates = usual_proportions(answers[usable], bad[usable])
    return JudgedRows(answers[-1], bad[-1], rates, rates.p_values(bad[-1], answers[-1]))


def usable_windows(held: Histograms, state: CheckState) -> npt.NDArray[np.bool_]:
    """(n_windows,) those with answers, in which nothing was wrong, before the judged one."""
    there = held.rows[:, 0] > 0
    return learnable(held.grid, held.first, len(held.rows), state, LEAST_WINDOWS, there)


def judge_latency(
    check: Check, held: Histograms, state: CheckState, looks_per_week: float | None = None
) -> Verdict:
    """
    The fewest slices that answer more slowly than was promised, or than they used to.

    Returns:
        One finding per slice: among several quantiles, promises first, the one with the most slow answers.
    """
    if held.rows[-1, 0] <= 0 or not held.bins:
        return Verdict(state=state, judged=False, note="no rows in this window")
    usable = usable_windows(held, state)
    slow = slow_of(check, held, usable)
    if not slow:
        return Verdict(state=state, judged=False, note="not enough history yet")
    width = held.grid.width.total_seconds()
    alpha = level_of(state, looks_per_week, width) / len(slow)
    findings, compared = list[Finding](), list[Comparison]()
    for one in slow:
        judged = judge(held, usable, one)
        compared += _compared(held, state, judged, one)
        for place in _places(check, held.cells, judged, one, alpha):
            if not any(share_rows(held.cells[place], finding.slice) for finding in findings):
                findings.append(_finding(check, held, judged, one, place))
    return conclude(state, findings, width, held.start(held.last)).comparing(compared)


def _compared(held: Histograms, state: CheckState, judged: JudgedRows, slow: Slow) -> list[Comparison]:
    column = held.bins[0].column
    return [
        compared_in(held, where, column, _numbers(judged, slow, place, column))
        for place, where in enumerate(held.cells)
        if where in state.traced and judged.rows[place] > 0
    ]


def _places(
    check: Check, cells: tuple[Slice, ...], judged: JudgedRows, slow: Slow, alpha: float
) -> list[int]:
    excess = judged.bad - judged.expected
    beyond = judged.bad > slow.share * judged.rows[:, None]
    tested = (judged.rows >= check.least_rows)[:, None]
    found = discovered(cells, judged.p_values, tested, alpha) & beyond & (excess >= check.least_rows)
    return narrowest(cells, excess[:, 0], judged.rows, found[:, 0])


def _numbers(judged: JudgedRows, slow: Slow, place: int, column: str) -> Numbers:
    return Numbers(
        observed=float(judged.bad[place, 0]),
        expected=round(float(judged.expected[place, 0]), 2),
        low=0.0,
        high=round(float(judged.rates.most(judged.rows)[place, 0]), 2),
        unit=slow.unit(column),
        p_value=float(judged.p_values[place, 0]),
    )


def _finding(check: Check, held: Histograms, judged: JudgedRows, slow: Slow, place: int) -> Finding:
    edges = np.array(held.bins[0].edges)
    now = float(quantile_of(edges, held.counts[0][-1, place], 1 - slow.share))
    against = f"promised {slow.beyond[place]:,.4g}" if slow.promised else f"usually {slow.usual[place]:,.3g}"
    rows, bad = float(judged.rows[place]), float(judged.bad[place, 0])
    expected = float(judged.expected[place, 0])
    affected = min(1.0, (bad - expected) / max(float(judged.rows[0]), 1.0))
    column = held.bins[0].column
    statement = Statement(
        held.cells[place],
        column,
        f"{slow.name} of {column} is {now:,.3g}, {against} ({rows:,.0f} answers)",
        affected,
        drop=True,
    )
    return finding_in(held, check, statement, _numbers(judged, slow, place, column))


def measure_latency(check: Check, finding: Finding, held: Histograms, memory: CheckState) -> Measurement:
    """
    Answers of the finding's slice that are slower than the quantile it was found by.

    Raises:
        TooFewRows: too short a past, or no answers of the slice now.
    """
    if finding.slice not in held.cells or not held.bins:
        raise TooFewRows(none_measured(finding))
    usable = usable_windows(held, memory)
    known = slow_of(check, held, usable)
    slow = next((one for one in known if one.unit(held.bins[0].column) == finding.unit), None)
    if slow is None:
        raise TooFewRows("fewer than three windows before the incident: nothing to measure against")
    judged, place = judge(held, usable, slow), held.cells.index(finding.slice)
    rows = float(judged.rows[place])
    if rows <= 0:
        raise TooFewRows(none_measured(finding))
    expected = float(judged.expected[place, 0])
    # The quantile has moved: it is back once no more than its share of answers lies beyond.
    most = max(float(judged.rates.most(judged.rows)[place, 0]), expected + STILL_USUAL * slow.share * rows)
    return Measurement(
        observed=float(judged.bad[place, 0]),
        expected=expected,
        low=0.0,
        high=float(np.minimum(most, rows)),
        p_value=float(judged.p_values[place, 0]),
    )


def _measured(run: CheckRun, histograms: Histograms, again: Again[Histograms]) -> Measurement:
    return measure_latency(run.check, again.finding, histograms, again.memory)


def _fits(declared: Mapping[str, Any], _keys: Keys) -> None:
    if not declared.get("measure"):
        raise ValueError('a check of kind latency needs measure; add for instance measure = "latency_ms"')


KIND = Kind(
    name="latency",
    purpose="answers slower than promised, or than they used to be",
    example={"measure": "latency_ms", "limits": {"p95": 250.0}},
    options=Keys,
    fits=_fits,
    needs=AnswerTimes(),
    judging=Judging(by_check(judge_latency), _measured),
    sliced="always",
    evidences=("monitor-6",),
)
