"""
A model's score as a probability, against what was chosen of what it scored.

Two things can be off. *In the large*: choices for each one predicted, over all scores of a slice. *In shape*:
the sum is right, but high scores are chosen too rarely and low ones too often. So the ratio is judged over
all scores and in each of the bins of `outcomes.EDGES`, and the expected calibration error, the mean distance
between score and choice over the bins, measures its size. Both are compared with the slice's own past, since
few serving models are calibrated where they are observed (lower positions are seen less), or with 1 if
`against = "score"` says that they should be.

Source:
    Calibration in the large: Cox (1958), Biometrika 45; expected calibration error: Naeini, Cooper &
    Hauskrecht (2015), AAAI.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from domain.detection.data.check_run import CheckRun
from domain.detection.data.counts import Floats
from domain.detection.data.outcomes import EDGES, Outcomes
from domain.detection.expect.ratio import Ratios, expect_ratios
from domain.detection.judge.again.measure import Measurement
from domain.detection.judge.again.measured import STILL_USUAL, cell_measured
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
from domain.detection.judge.usable import learnable
from domain.detection.judge.wrong_rows import discovered
from domain.detection.kind import Kind
from domain.detection.needs import ScoredChoices
from domain.detection.slices.minimal_set import narrowest
from domain.detection.suited import Suited, logged
from domain.errors import TooFewRows
from domain.recommender.check import Check
from domain.recommender.options import Options
from domain.recommender.recommender import Recommender
from domain.values import Finding

LEAST_WINDOWS = 3
WHOLE = 0  # the column of all scores; the bins follow


class Keys(Options):
    """What choices are compared with: the scores as they are, or how far off they usually are."""

    against: Literal["past", "score"] | None = None
    """
    `score`: choices are compared with the scores as they are; `past`: with how far off these usually are.
    """


@dataclass(frozen=True)
class JudgedScores:
    """
    The last window: (n_cells, 1 + n_bins) choices, those predicted, their usual ratio, how surprising; and
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
    Expected calibration error over the last axis, 0–1: the mean distance between score and share chosen, with
    bins weighted by their rows.

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
        number of choices; a slice that is off in all its scores is reported once, otherwise its worst bin.
    """
    held = outcomes.rows.sum(axis=2)
    usable = usable_windows(outcomes, state)
    if usable.sum() < LEAST_WINDOWS or held[-1, 0] <= 0:
        return unjudged(state, float(held[-1, 0]))
    judged = judge(check, outcomes, usable)
    width = outcomes.grid.width.total_seconds()
    alpha = level_of(state, looks_per_week, width)
    off = judged.chosen - judged.expected
    matters = np.abs(off) >= np.maximum(check.least_rows, check.least_change * judged.expected)
    if check.direction != "both":
        matters &= (off < 0) == (check.direction == "drop")
    tested = np.repeat((held[-1] >= check.least_rows)[:, None], off.shape[1], axis=1) & (judged.scored > 0)
    found = discovered(outcomes.cells, judged.p_values, tested, alpha) & matters
    findings = [_finding(check, outcomes, judged, *place) for place in _places(outcomes, judged, found)]
    verdict = conclude(state, findings, width, outcomes.start(outcomes.last))
    return verdict.comparing(
        compared_in(outcomes, where, subject_of(outcomes.score, column), _numbers(judged, (place, column)))
        for place, where in enumerate(outcomes.cells)
        for column in range(judged.scored.shape[1])
        if where in state.traced and judged.scored[place, column] > 0
    )


def usable_windows(outcomes: Outcomes, state: CheckState) -> npt.NDArray[np.bool_]:
    """(n_windows,) those that may be learned from."""
    held = outcomes.rows[:, 0].sum(axis=1) > 0
    return learnable(outcomes.grid, outcomes.first, len(held), state, LEAST_WINDOWS, held)


def judge(check: Check, outcomes: Outcomes, usable: npt.NDArray[np.bool_]) -> JudgedScores:
    """All slices and bins of the last window, unfiltered."""
    scored, chosen = _with_whole(outcomes.scored), _with_whole(outcomes.chosen)
    promised = 1.0 if Keys.of(check).against == "score" else None
    ratios = expect_ratios(scored[usable], chosen[usable], promised)
    errors = calibration_error(outcomes.rows, outcomes.scored, outcomes.chosen)
    return JudgedScores(
        chosen=chosen[-1],
        scored=scored[-1],
        ratios=ratios,
        p_values=ratios.p_values(chosen[-1], scored[-1]),
        error=errors[-1],
        usual_error=errors[usable].mean(axis=0),
    )


def _with_whole(counts: Floats) -> Floats:
    return np.concatenate([counts.sum(axis=2, keepdims=True), counts], axis=2)


def _places(outcomes: Outcomes, judged: JudgedScores, found: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """(slice, column) to report: what is off in the large, and otherwise the worst bin."""
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


def _numbers(judged: JudgedScores, at: tuple[int, int]) -> Numbers:
    low, high = (float(side[at]) for side in judged.ratios.band(judged.scored))
    return Numbers(
        observed=float(judged.chosen[at]),
        expected=round(float(judged.expected[at]), 2),
        low=low,
        high=high,
        unit="choices",
        p_value=float(judged.p_values[at]),
    )


def _finding(check: Check, outcomes: Outcomes, judged: JudgedScores, place: int, column: int) -> Finding:
    at = (place, column)
    chosen, expected = float(judged.chosen[at]), float(judged.expected[at])
    whole = max(float(judged.expected[0, WHOLE]), 1.0)
    affected = min(1.0, abs(chosen - expected) / whole)
    statement = Statement(
        outcomes.cells[place],
        subject_of(outcomes.score, column),
        _says(check, judged, place, column),
        affected,
    )
    return finding_in(outcomes, check, statement, _numbers(judged, at))


def _says(check: Check, judged: JudgedScores, place: int, column: int) -> str:
    at = (place, column)
    ratio = float(judged.chosen[at] / judged.scored[at])
    low, high = (float(side[at]) for side in judged.ratios.interval(judged.chosen, judged.scored))
    who = (
        "what is scored" if column == WHOLE else f"what is scored {EDGES[column - 1]:g} to {EDGES[column]:g}"
    )
    promised = Keys.of(check).against == "score"
    should = "where 1 was promised" if promised else f"usually {judged.ratios.ratio[at]:.2g}"
    now, usually = (f"{100 * float(one[place]):.2g}" for one in (judged.error, judged.usual_error))
    return (
        f"{who} is chosen {ratio:.2g} times as often as the score says [{low:.2g}–{high:.2g}], "
        f"{should}; calibration error {now} points, usually {usually}"
    )


def measure_calibration(
    check: Check, finding: Finding, outcomes: Outcomes, memory: CheckState
) -> Measurement:
    """
    Choices of the finding's slice and scores in the last window, against what such scores usually bring.

    Raises:
        TooFewRows: too short a past, or nothing of the slice is scored now.
    """
    place = cell_measured(finding, outcomes.cells)
    usable = usable_windows(outcomes, memory)
    if usable.sum() < LEAST_WINDOWS:
        raise TooFewRows("fewer than three windows before the incident: nothing to measure against")
    judged = judge(check, outcomes, usable)
    names = [subject_of(outcomes.score, column) for column in range(judged.scored.shape[1])]
    if finding.subject not in names:
        raise TooFewRows(f'table "{finding.table}": {finding.subject} is no longer checked')
    at = (place, names.index(finding.subject))
    if judged.scored[at] <= 0:
        raise TooFewRows(f'table "{finding.table}": nothing of this slice is scored in this window')
    expected = float(judged.expected[at])
    low, high = (float(side[at]) for side in judged.ratios.band(judged.scored))
    near = STILL_USUAL * check.least_change * expected
    return Measurement(
        observed=float(judged.chosen[at]),
        expected=expected,
        low=min(low, expected - near),
        high=max(high, expected + near),
        p_value=float(judged.p_values[at]),
    )


def _measured(run: CheckRun, outcomes: Outcomes, again: Again[Outcomes]) -> Measurement:
    return measure_calibration(run.check, again.finding, outcomes, again.memory)


def _suits(recommender: Recommender) -> Iterator[Suited]:
    for model, table in logged(recommender):
        if model.score is not None and recommender.exposure is not None:
            yield Suited(table)


KIND = Kind(
    name="calibration",
    purpose="scores against what is chosen of what was scored",
    options=Keys,
    needs=ScoredChoices(),
    judging=Judging(by_check(judge_calibration), _measured),
    sliced="always",
    evidences=("monitor-7",),
    by_slice=("model-6",),
    suits=_suits,
)
