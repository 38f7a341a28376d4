"""The distribution of a column in the last window against the windows before, and by how much it moved."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from domain.detection.counts import Floats
from domain.detection.discovery import WEEK_SECONDS, level, spend
from domain.detection.distribution import Surprise, compare, moved_by, population_stability
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
LEAST_SHARE = 0.1  # of the rows that must have moved beyond the usual, where nothing is declared
BAND = 2.0  # of what usually moves

Says = Callable[[Bins, Floats, Floats], str]
"""The change of a column in words, from where it is cut and its counts before and now, (n_bins,) each."""


@dataclass(frozen=True)
class Judged:
    """(n_cells, n_columns): how surprising, the share of rows that moved, the share that usually does."""

    p_values: Floats
    moved: Floats
    usual: Floats
    rows: Floats


def judge_drift(
    check: Check,
    histograms: Histograms,
    state: CheckState,
    looks_per_week: float | None = None,
    says: Says | None = None,
) -> Verdict:
    """
    The fewest slices whose column is distributed otherwise than in the past, told as `says` does (`describe`,
    where it is not given).

    Returns:
        Findings that are significant over slices, columns and looks, *and* whose moved rows reach the least
        share and the least number of rows. `observed` is the number of rows that moved, `expected` how many
        usually do.
    """
    rows = histograms.rows
    usable = learnable(histograms.grid, histograms.first, len(rows), state, LEAST_WINDOWS, rows[:, 0] > 0)
    if usable.sum() < LEAST_WINDOWS or rows[-1, 0] <= 0:
        note = "not enough history yet" if rows[-1, 0] > 0 else "no rows in this window"
        return Verdict(state=state, judged=False, note=note)
    width = histograms.grid.width.total_seconds()
    alpha = level(state.wealth, looks_per_week or WEEK_SECONDS / width)
    judged = judge(histograms, usable)
    excess = (judged.moved - judged.usual) * judged.rows
    least = check.least_share if check.least_share is not None else LEAST_SHARE
    matters = (judged.moved - judged.usual >= least) & (excess >= check.least_rows)
    tested = judged.rows >= check.least_rows
    found = discovered(histograms.cells, judged.p_values, tested, alpha) & matters
    findings = [
        _finding(
            check, histograms, judged, (place, int(column)), _change(histograms, usable, says or describe)
        )
        for column in np.flatnonzero(found.any(axis=0))
        for place in narrowest(histograms.cells, excess[:, column], rows[-1], found[:, column])
    ]
    state = state.model_copy(update={"wealth": spend(state.wealth, state.new(findings))})
    return confirm(state, findings, width, histograms.start(histograms.last))


def judge(histograms: Histograms, usable: npt.NDArray[np.bool_]) -> Judged:
    """All slices and columns; a column is not held against itself where it makes the slice."""
    told: list[Surprise] = []
    for one, counts in zip(histograms.bins, histograms.counts, strict=True):
        found = compare(counts[usable], counts[-1])
        own = np.array([any(name == one.column for name, _ in cell) for cell in histograms.cells])
        told.append(
            Surprise(np.where(own, 1.0, found.p_values), np.where(own, 0.0, found.moved), found.usual)
        )
    shape = (len(histograms.cells), 0)

    def side(columns: list[Floats]) -> Floats:
        return np.stack(columns, axis=-1) if columns else np.zeros(shape)

    return Judged(
        p_values=side([one.p_values for one in told]),
        moved=side([one.moved for one in told]),
        usual=side([one.usual for one in told]),
        rows=side([counts[-1].sum(axis=-1) for counts in histograms.counts]),
    )


def _finding(
    check: Check,
    histograms: Histograms,
    judged: Judged,
    found: tuple[int, int],
    change: Callable[[int, int], str],
) -> Finding:
    place, column = found
    bins, rows = histograms.bins[column], float(judged.rows[place, column])
    moved, usual = float(judged.moved[place, column]), float(judged.usual[place, column])
    affected = min(1.0, (moved - usual) * rows / max(float(histograms.rows[-1, 0]), 1.0))
    where = histograms.cells[place]
    return Finding(
        check=check.name,
        table=check.table or "",
        slice=where,
        subject=bins.column,
        window_start=histograms.start(histograms.last),
        window_end=histograms.end(histograms.last),
        observed=round(moved * rows, 1),
        expected=round(usual * rows, 1),
        low=0.0,
        high=round(BAND * usual * rows, 1),
        unit=f"rows elsewhere in {bins.column}",
        p_value=float(judged.p_values[place, column]),
        severity=check.severity or severity_of(affected, drop=False),
        affected_share=affected,
        title=f"{place_of(check.table or '', where)}: {change(place, column)}"[:300],
    )


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
        size = f"{moved_by(edges, reference, current):,.3g}"
        return f"{bins.column} moved by {size} on average, mostly {way} ({stability})"
    worst = int(np.argmax(np.abs(q - p)))
    now, usually = percent(float(q[worst])), percent(float(p[worst]))
    return f"{bins.column} changed: {bins.labels[worst]} {now}, usually {usually} ({stability})"
