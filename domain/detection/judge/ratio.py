"""
A ratio of the whole table and of every slice, against its own past, and the few slices that explain it.

    cells of both sides ─▶ what each slice's ratio should be ─▶ the explanation worth most ─▶ those of its
    slices that chance does not explain over all slices of this look and over looks, and that matter

What no single window shows, the last few together may, see `counts.slice_sums`.

A share above a half is judged by its complement: that failures are five times as many says more
than that successes are four per cent fewer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from domain.detection.data.counts import Floats
from domain.detection.data.cube import Cube, cube_of
from domain.detection.data.ratio_cells import RatioCells, rarer_side
from domain.detection.expect.cell_ratio import scatter_now
from domain.detection.expect.slice_ratio import LEAST, LEAST_SCATTER, SliceRatios, expect_slices
from domain.detection.judge.comparison import Comparison
from domain.detection.judge.counts.slice_sums import (
    DENIED,
    additional_findings,
    is_apart,
    lengths,
    level_of_sums,
)
from domain.detection.judge.discovery import (
    SLICES_FALSE_ALARMS_PER_WEEK,
    WEEK_SECONDS,
    benjamini_hochberg,
    level,
    spend,
)
from domain.detection.judge.series.anomaly_finding import metric_name
from domain.detection.judge.severity import severity_of
from domain.detection.judge.state import CheckState, Verdict, confirm
from domain.detection.judge.title import ratio_title, ratio_within
from domain.detection.judge.usable import learnable
from domain.detection.slices.common_change import Evidence, Explanation, explain
from domain.recommender.check import Check
from domain.values import Finding, Slice

LEAST_HISTORY = 4  # windows with a denominator before anything is judged
LEAST_SUMS = 8  # the same for several windows together: few of them show how they scatter
BAND = 1.96
ODD = 1.5  # multiple of the usual inflation of a slice's variance, up to which it counts as the usual one
WIDER = 1.5  # multiple of the past's scatter above which the judged window's own is believed
WHOLE = 0  # the whole table's place among the slices


@dataclass(frozen=True)
class _JudgedRatios:
    """One look: the cells as they are judged, their slices, what these should be, and what explains them."""

    check: Check
    cells: RatioCells
    cube: Cube
    slices: SliceRatios
    explained: Explanation
    turned: bool

    def name(self, place: int) -> Slice:
        """Which slice is at a place."""
        return self.cells.name(int(self.cube.example[place]), self.cube.families[self.cube.family[place]])

    @property
    def whole(self) -> float:
        """The factor by which all cells outside the slices of the explanation are off."""
        calm = _calm(self.cells, self.cube, self.explained)
        seen = float(self.cells.numerator[-1][calm].sum())
        due = float(
            (self.cells.denominator[-1] * self.slices.cells.ratio * self.slices.level.usual)[calm].sum()
        )
        return seen / due if due > 0 else 1.0

    def off(self, where: Slice) -> float | None:
        """
        The factor by which a slice, or the whole table, is off; None for a slice that is not judged here.
        """
        if not where:
            return self.whole
        place = self._place(where)
        if place is None:
            return None
        return float(self.slices.observed[place]) / max(float(self.slices.expected[place]), LEAST)

    def likelier_back(self, where: Slice, factor: float) -> float:
        """
        The log likelihood by which it is as it should be here, rather than off by that factor; 0 for a slice
        that is not judged.
        """
        place, slices = self._place(where), self.slices
        if not where:
            now, still, sd = np.log(max(self.whole, LEAST)), np.log(max(factor, LEAST)), slices.level.sd
            return float(((now - still) ** 2 - now**2) / (2 * sd**2))
        if place is None:
            return 0.0
        observed, expected = float(slices.observed[place]), float(slices.expected[place])
        nearer = (observed - factor * expected) ** 2 - (observed - expected) ** 2
        return nearer / (2 * max(float(slices.variance[place]), LEAST))

    def _place(self, where: Slice) -> int | None:
        return next((at for at in range(1, self.cube.count) if self.name(at) == where), None)


def judge_ratio(
    check: Check, cells: RatioCells, state: CheckState, looks_per_week: float | None = None
) -> Verdict:
    """
    The whole table if it is off as a whole, and the fewest slices that explain what is off beside that.

    `least_rows` is what a slice's denominator must hold; the change of its ratio must reach `least_change`,
    for a share above a half the change of its complement.
    """
    count = len(cells.denominator)
    usable = learnable(cells.grid, cells.first, count, state, LEAST_HISTORY, cells.known & (cells.total > 0))
    if int(usable.sum()) < LEAST_HISTORY or cells.total[-1] <= 0:
        note = "not enough history yet" if cells.total[-1] > 0 else "nothing to divide by in this window"
        return Verdict(state=state, judged=False, note=note)
    width = cells.grid.width.total_seconds()
    judged = _judged(check, cells, usable)
    looks = looks_per_week or WEEK_SECONDS / width
    alpha = level(state.wealth, looks, allowed=SLICES_FALSE_ALARMS_PER_WEEK)
    findings, shorter, sums = _findings(judged, alpha), [judged], _sums(cells, state)
    for several in sums:
        more = _found_in(check, several, state, level_of_sums(several, len(sums)), shorter)
        findings += additional_findings(more, findings, state, several)
    state = state.model_copy(update={"wealth": spend(state.wealth, state.new(findings))})
    verdict = confirm(state, findings, width, cells.start(count - 1))
    return verdict.comparing(_compared(judged, state)).model_copy(update={"note": cells.left_out})


def _sums(cells: RatioCells, state: CheckState) -> list[RatioCells]:
    """The cells over several windows at a time, shortest first, if there is enough to judge them."""
    several = lengths(cells.grid.width.total_seconds())
    every = (cells.merged(each) for each in several if len(cells.denominator) // each > LEAST_SUMS)
    return [one for one in every if is_apart(one, state)]


def _found_in(
    check: Check, cells: RatioCells, state: CheckState, alpha: float, shorter: list[_JudgedRatios]
) -> list[Finding]:
    """
    What several windows show together and the latest of them do not contradict.

    Args:
        shorter: what was judged over fewer windows; what is judged here is added.
    """
    count = len(cells.denominator)
    usable = learnable(cells.grid, cells.first, count, state, LEAST_SUMS, cells.known & (cells.total > 0))
    if int(usable.sum()) < LEAST_SUMS or cells.total[-1] <= 0:
        return []
    judged = _judged(check, cells, usable)
    start = cells.start(count - 1).astimezone(cells.grid.zone)
    found = [
        one.model_copy(
            update={"title": ratio_within(one.title, one.table, one.slice, start, cells.grid.width)}
        )
        for one in _findings(judged, alpha)
        if not _denied(judged, shorter, one.slice)
    ]
    shorter.append(judged)
    return found


def _denied(judged: _JudgedRatios, shorter: list[_JudgedRatios], where: Slice) -> bool:
    """Whether the latest windows are surely back, whatever all together show."""
    off = judged.off(where)
    alike = [one for one in shorter if one.turned == judged.turned]
    return off is not None and any(one.likelier_back(where, off) >= DENIED for one in alike)


def _compared(judged: _JudgedRatios, state: CheckState) -> Iterator[Comparison]:
    """The comparisons of the traced slices."""
    cells, cube, last = judged.cells, judged.cube, len(judged.cells.denominator) - 1
    slices = set(state.traced) - {()}
    for place in range(cube.count if slices else WHOLE + 1):
        if judged.name(place) not in state.traced or not judged.slices.denominator[place] > 0:
            continue
        observed, expected, low, high = _band(judged, place)
        yield Comparison(
            slice=judged.name(place),
            unit=metric_name(judged.check),
            window_start=cells.start(last),
            window_end=cells.end(last),
            observed=observed,
            expected=expected,
            low=low,
            high=high,
        )


def _judged(check: Check, cells: RatioCells, usable: npt.NDArray[np.bool_]) -> _JudgedRatios:
    rarer = rarer_side(cells)
    cube = cube_of(rarer.codes, min(check.ways, len(rarer.dimensions)))
    slices = expect_slices(rarer, cube, usable, check.least_rows)
    explained = explain(_evidence(rarer, slices), cube, _tested(check, slices))
    scatter = _scatter_left(rarer, cube, slices, explained)
    if scatter > WIDER * slices.cells.scatter:
        slices = expect_slices(rarer, cube, usable, check.least_rows, scatter)
        explained = explain(_evidence(rarer, slices), cube, _tested(check, slices))
    return _JudgedRatios(check, rarer, cube, slices, explained, turned=rarer is not cells)


def _scatter_left(cells: RatioCells, cube: Cube, slices: SliceRatios, explained: Explanation) -> float:
    """How cells scatter in the judged window beyond what slices explain."""
    calm = _calm(cells, cube, explained)
    unit = slices.cells.unit[calm]
    expected = (cells.denominator[-1] * slices.cells.ratio)[calm] * slices.level.usual * explained.level
    return scatter_now(cells.numerator[-1][calm] / unit, expected / unit)


def _calm(cells: RatioCells, cube: Cube, explained: Explanation) -> npt.NDArray[np.bool_]:
    calm = np.ones(len(cells.codes), dtype=bool)
    for change in explained.changes:
        calm[cube.cells(change.place)] = False
    return calm


def _evidence(cells: RatioCells, slices: SliceRatios) -> Evidence:
    """What cells hold and should hold, in units of counting."""
    unit = slices.cells.unit
    # Slices within one another are compared: their difference by chance would decide.
    usual = float(np.median(slices.inflation[slices.seen])) if slices.seen.any() else 1.0
    expected = cells.denominator[-1] * slices.cells.ratio * slices.level.usual
    shape = 1 / np.maximum(slices.cells.scatter + slices.cells.unknown, LEAST_SCATTER)
    return Evidence(
        cells.numerator[-1] / unit,
        expected / unit,
        shape,
        np.where(slices.inflation <= ODD * usual, usual, slices.inflation),
        cells.denominator[-1] / unit,
        cells.share,
        slices.level.sd,
    )


def _tested(check: Check, slices: SliceRatios) -> npt.NDArray[np.bool_]:
    return np.asarray((slices.denominator >= max(check.least_rows, 1e-9)) & slices.seen)


def _findings(judged: _JudgedRatios, alpha: float) -> list[Finding]:
    check, slices, cube = judged.check, judged.slices, judged.cube
    tested = _tested(check, slices)
    tested[WHOLE] = False
    families = np.unique(cube.ways[tested])
    part = alpha / (len(families) + 1)
    whole = judged.whole
    p_values = slices.p_values(whole, tested)
    p_values[WHOLE] = slices.level.p_value(whole * slices.level.usual)
    found = np.zeros(cube.count, dtype=bool)
    for family in families:
        members = tested & (cube.ways == family)
        found[members] = benjamini_hochberg(p_values[members], part)
    named = [change.place for change in judged.explained.changes if found[change.place]]
    reported = [place for place in named if _matters(check, slices, place)]
    if p_values[WHOLE] <= part and _matters_whole(check, slices, whole):
        reported = [WHOLE, *reported]
    return [_finding(judged, place, float(p_values[place])) for place in reported]


def _matters(check: Check, slices: SliceRatios, place: int) -> bool:
    off = float(slices.observed[place] - slices.expected[place])
    return abs(off) >= check.least_change * float(slices.expected[place]) and _wanted(check, off > 0)


def _matters_whole(check: Check, slices: SliceRatios, whole: float) -> bool:
    enough = bool(slices.denominator[WHOLE] >= check.least_rows)
    return enough and abs(whole - 1) >= check.least_change and _wanted(check, whole > 1)


def _wanted(check: Check, rose: bool) -> bool:
    return check.direction == "both" or (check.direction == "surge") == rose


def _band(judged: _JudgedRatios, place: int) -> tuple[float, float, float, float]:
    """A slice's ratio, its expected value, and the band of that."""
    slices = judged.slices
    sides = slices.observed[place], slices.expected[place], slices.denominator[place]
    numerator, due, denominator = (float(side) for side in sides)
    spread = BAND * float(np.sqrt(slices.variance[place]))
    if place == WHOLE:
        spread = due * float(np.expm1(BAND * slices.level.sd))
    numbers = np.array([numerator, due, due - spread, due + spread]) / denominator
    if judged.turned:
        numbers = (1 - numbers)[[0, 1, 3, 2]]
    return _bounded(numbers, judged.cells)


def _finding(judged: _JudgedRatios, place: int, p_value: float) -> Finding:
    check, slices, cells = judged.check, judged.slices, judged.cells
    where, numerator, due = judged.name(place), float(slices.observed[place]), float(slices.expected[place])
    observed, expected, low, high = _band(judged, place)
    affected = min(1.0, abs(numerator - due) / max(float(slices.expected[WHOLE]), due, numerator, 1e-9))
    last = len(cells.denominator) - 1
    return Finding(
        check=check.name,
        table=check.table or "",
        slice=where,
        window_start=cells.start(last),
        window_end=cells.end(last),
        observed=observed,
        expected=expected,
        low=low,
        high=high,
        unit=metric_name(check),
        p_value=min(max(p_value, 0.0), 1.0),
        severity=check.severity or severity_of(affected, drop=cells.share or observed < expected),
        affected_share=affected,
        title=ratio_title(
            check.table or "", where, observed, expected, metric_name(check), share=cells.share
        ),
    )


def _bounded(numbers: Floats, cells: RatioCells) -> tuple[float, float, float, float]:
    """Observed, expected and the band: a share within 0–1, what is never negative at least 0."""
    if cells.share:
        numbers = np.clip(numbers, 0.0, 1.0)
    elif bool((cells.numerator >= 0).all()):
        numbers = np.maximum(numbers, 0.0)
    observed, expected, low, high = (float(f"{number:.6g}") for number in numbers)
    return observed, expected, low, high
