"""The benchmark's rule on cases that were reckoned by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.detection.nab_score import FALSE, Labelled, best, row_scores, score_at, sweep

SERIES = Labelled(100, ((40, 49),))


def detections(*rows: int, strength: float = 1.0) -> np.ndarray:
    scores = np.full(100, -np.inf)
    scores[list(rows)] = strength
    return scores


def sigmoid(position: float) -> float:
    return float(2 / (1 + np.exp(5 * position)) - 1)


def test_the_first_row_of_the_window_alone_is_a_hundred_and_silence_is_nothing() -> None:
    assert score_at([SERIES], [detections(40)], 1.0) == pytest.approx(100)
    assert score_at([SERIES], [detections()], 1.0) == 0
    assert best([SERIES], [detections()]) == (0.0, np.inf)


@pytest.mark.parametrize("row", [41, 45, 49])
def test_a_later_row_is_worth_its_place_in_the_window(row: int) -> None:
    # One window: a hit gains 1 (what missing it costs) and its worth, of 2 in all.
    worth = sigmoid(-(49 - row + 1) / 10) / sigmoid(-1)
    assert score_at([SERIES], [detections(row)], 1.0) == pytest.approx(100 * (1 + worth) / 2)


def test_only_the_first_detection_in_a_window_counts() -> None:
    assert score_at([SERIES], [detections(41, 44, 48)], 1.0) == score_at([SERIES], [detections(41)], 1.0)


def test_a_detection_before_any_window_costs_its_whole_weight_and_each_costs_anew() -> None:
    assert score_at([SERIES], [detections(20, 40)], 1.0) == pytest.approx(100 - 100 * FALSE / 2)
    assert score_at([SERIES], [detections(20, 21, 40)], 1.0) == pytest.approx(100 - 100 * FALSE)


def test_right_behind_a_window_a_detection_costs_less_than_far_behind_it() -> None:
    worths, _ = row_scores(SERIES)
    assert worths[50] == pytest.approx(FALSE * sigmoid(1 / 9))
    assert worths[58] == pytest.approx(FALSE * sigmoid(1))
    assert worths[77] == pytest.approx(-FALSE)
    assert np.all(np.diff(worths[50:]) <= 0)


def test_the_probationary_rows_count_for_nothing() -> None:
    assert SERIES.probation == 15
    assert Labelled(22_695, ()).probation == 750
    assert score_at([SERIES], [detections(3, 14, 40)], 1.0) == pytest.approx(100)
    assert score_at([SERIES], [detections(15, 40)], 1.0) < 100


def test_one_threshold_is_chosen_for_all_series_together() -> None:
    loud, quiet = detections(40, strength=3.0), detections(40, strength=2.0)
    quiet[20] = 2.5
    score, threshold = best([SERIES, SERIES], [loud, quiet])
    assert threshold == 2.0
    assert score == pytest.approx(100 - 100 * FALSE / 4)
    assert score_at([SERIES, SERIES], [loud, quiet], 3.0) == pytest.approx(50)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 99), max_size=30), st.integers(0, 10_000))
def test_the_sweep_says_what_each_threshold_alone_would_come_to(rows: list[int], seed: int) -> None:
    scores = detections()
    scores[rows] = np.random.default_rng(seed).integers(1, 5, len(rows)).astype(float)
    worths, window = row_scores(SERIES)
    for threshold, swept in zip(*sweep([SERIES], [scores]), strict=True):
        hits = [row for row in range(15, 100) if scores[row] >= threshold]
        inside = [worths[row] for row in hits if window[row] == 0]
        gained = (1 + max(inside) if inside else 0) + sum(worths[row] for row in hits if window[row] < 0)
        assert swept == pytest.approx(50 * gained)
