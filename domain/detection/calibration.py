"""
A model's score as a probability, against what was chosen of what it scored.

Two things can be off. *In the large*: choices for each one foretold, over all scores of a slice. *In shape*:
where the sum is right, and high scores are chosen too rarely, low ones too often. So the ratio is judged over
all scores and in each of the bins of `outcomes.EDGES`, and the expected calibration error, the mean distance
of score and choice over the bins, says how much it is. Both are held against the slice's own past, since few
serving models are calibrated where they are looked at (places further down are seen less): or against 1 where
`against = "score"` says that they should be.

Source:
    Calibration in the large: Cox (1958), Biometrika 45; expected calibration error: Naeini, Cooper &
    Hauskrecht (2015), AAAI.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from domain.detection.counts import Floats
from domain.detection.discovery import WEEK_SECONDS, level, spend
from domain.detection.narrow import narrowest
from domain.detection.outcomes import EDGES, Outcomes
from domain.detection.ratio import Ratios, expect_ratios
from domain.detection.severity import severity_of
from domain.detection.state import CheckState, Verdict, confirm
from domain.detection.tally import learnable
from domain.detection.title import place_of
from domain.detection.wrong import discovered
from domain.recommender.check import Check
from domain.values import Finding

LEAST_WINDOWS = 3
WHOLE = 0  # the column of all scores; the bins follow


@dataclass(frozen=True)
class Judged:
    """
    The last window: (n_cells, 1 + n_bins) choices, those foretold, their usual ratio, how surprising; and
    (n_cells,) calibration errors (0–1), now and usually.
    """

    chosen: Floats
    scored: Floats
    ratios: Ratios
    p_values: Floats
    error: Floats
    usual_error: Floats

    @property
    def expected(self) -> Floats:
        """(n_cells, 1 + n_bins) choices that are usual for such scores."""
        return np.asarray(self.ratios.ratio * self.scored)


def calibration_error(rows: Floats, scored: Floats, chosen: Floats) -> Floats:
    """
    Expected calibration error over the last axis, 0–1: the mean distance of score and share chosen, bins
    weighted by their rows.

    >>> float(calibration_error(np.array([10.0, 10.0]), np.array([1.0, 5.0]), np.array([3.0, 5.0])))
    0.1
    """
    return np.asarray(np.abs(scored - chosen).sum(axis=-1) / np.maximum(rows.sum(axis=-1), 1.0))


def judge_calibration(
    check: Check, outcomes: Outcomes, state: CheckState, looks_per_week: float | None = None
) -> Verdict:
    """
    The fewest slices whose scores are chosen more or less often than usual for what they say.

    Returns:
        Findings that are significant over slices, bins and looks, *and* reach the least change and the least
        number of choices; a slice that is off in all its scores is told once, else the bin that is worst.
    """
    held = outcomes.rows.sum(axis=2)
    usable = usable_windows(outcomes, state)
    if usable.sum() < LEAST_WINDOWS or held[-1, 0] <= 0:
        note = "not enough history yet" if held[-1, 0] > 0 else "no rows in this window"
        return Verdict(state=state, judged=False, note=note)
    judged = judge(check, outcomes, usable)
    width = outcomes.grid.width.total_seconds()
    alpha = level(state.wealth, looks_per_week or WEEK_SECONDS / width)
    off = judged.chosen - judged.expected
    matters = np.abs(off) >= np.maximum(check.least_rows, check.least_change * judged.expected)
    if check.direction != "both":
        matters &= (off < 0) == (check.direction == "drop")
    tested = np.repeat((held[-1] >= check.least_rows)[:, None], off.shape[1], axis=1) & (judged.scored > 0)
    found = discovered(outcomes.cells, judged.p_values, tested, alpha) & matters
    findings = [_finding(check, outcomes, judged, *place) for place in _told(outcomes, judged, found)]
    state = state.model_copy(update={"wealth": spend(state.wealth, state.new(findings))})
    return confirm(state, findings, width, outcomes.start(outcomes.last))


def usable_windows(outcomes: Outcomes, state: CheckState) -> npt.NDArray[np.bool_]:
    """(n_windows,) those that may be learned from."""
    held = outcomes.rows[:, 0].sum(axis=1) > 0
    return learnable(outcomes.grid, outcomes.first, len(held), state, LEAST_WINDOWS, held)


def judge(check: Check, outcomes: Outcomes, usable: npt.NDArray[np.bool_]) -> Judged:
    """All slices and bins of the last window, none of them filtered."""
    scored, chosen = _with_whole(outcomes.scored), _with_whole(outcomes.chosen)
    promised = 1.0 if check.against == "score" else None
    ratios = expect_ratios(scored[usable], chosen[usable], promised)
    errors = calibration_error(outcomes.rows, outcomes.scored, outcomes.chosen)
    return Judged(
        chosen=chosen[-1],
        scored=scored[-1],
        ratios=ratios,
        p_values=ratios.p_values(chosen[-1], scored[-1]),
        error=errors[-1],
        usual_error=errors[usable].mean(axis=0),
    )


def _with_whole(counts: Floats) -> Floats:
    return np.concatenate([counts.sum(axis=2, keepdims=True), counts], axis=2)


def _told(outcomes: Outcomes, judged: Judged, found: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """(slice, column) to tell of: what is off in the large, and elsewhere the worst bin."""
    off, rows = np.abs(judged.chosen - judged.expected), outcomes.rows[-1].sum(axis=1)
    large = narrowest(outcomes.cells, off[:, WHOLE], rows, found[:, WHOLE])
    bins = np.where(found[:, WHOLE + 1 :], off[:, WHOLE + 1 :], 0.0)
    free = np.array(
        [not any(_share(outcomes, place, other) for other in large) for place in range(len(rows))]
    )
    shaped = narrowest(outcomes.cells, bins.max(axis=1), rows, (bins.max(axis=1) > 0) & free)
    return [*((place, WHOLE) for place in large), *((p, WHOLE + 1 + int(bins[p].argmax())) for p in shaped)]


def _share(outcomes: Outcomes, one: int, other: int) -> bool:
    """Whether two slices have rows in common."""
    values = dict(outcomes.cells[one])
    return all(values.get(dimension, value) == value for dimension, value in outcomes.cells[other])


def subject_of(score: str, column: int) -> str:
    """
    >>> subject_of("score", WHOLE), subject_of("score", 8)
    ('score', 'score 0.1 to 0.2')
    """
    return score if column == WHOLE else f"{score} {EDGES[column - 1]:g} to {EDGES[column]:g}"


def _finding(check: Check, outcomes: Outcomes, judged: Judged, place: int, column: int) -> Finding:
    at = (place, column)
    chosen, expected = float(judged.chosen[at]), float(judged.expected[at])
    low, high = (float(side[at]) for side in judged.ratios.band(judged.scored))
    whole = max(float(judged.expected[0, WHOLE]), 1.0)
    affected = min(1.0, abs(chosen - expected) / whole)
    return Finding(
        check=check.name,
        table=check.table or "",
        slice=outcomes.cells[place],
        subject=subject_of(outcomes.score, column),
        window_start=outcomes.start(outcomes.last),
        window_end=outcomes.end(outcomes.last),
        observed=chosen,
        expected=round(expected, 2),
        low=low,
        high=high,
        unit="choices",
        p_value=float(judged.p_values[at]),
        severity=check.severity or severity_of(affected, drop=False),
        affected_share=affected,
        title=_title(check, outcomes, judged, place, column),
    )


def _title(check: Check, outcomes: Outcomes, judged: Judged, place: int, column: int) -> str:
    at = (place, column)
    ratio = float(judged.chosen[at] / judged.scored[at])
    low, high = (float(side[at]) for side in judged.ratios.interval(judged.chosen, judged.scored))
    who = (
        "what is scored" if column == WHOLE else f"what is scored {EDGES[column - 1]:g} to {EDGES[column]:g}"
    )
    where = place_of(check.table or "", outcomes.cells[place])
    should = "where 1 was promised" if check.against == "score" else f"usually {judged.ratios.ratio[at]:.2g}"
    now, usually = (f"{100 * float(one[place]):.2g}" for one in (judged.error, judged.usual_error))
    return (
        f"{where}: {who} is chosen {ratio:.2g} times as often as the score says [{low:.2g}–{high:.2g}], "
        f"{should}; calibration error {now} points, usually {usually}"
    )[:300]
