"""Evidence that adds up over windows: how soon a loss is detected, its start, how rarely one is made up."""

from __future__ import annotations

import numpy as np
import pytest

from domain.detection.expect.steady import forecast_steadily
from domain.detection.judge.counts.sequential import Alternatives, Sequence, log_evidence, since

DAY = 86_400
HISTORY = 56
LIMIT = np.log(7 / 0.01)
WEEK = np.array([1.1, 0.8, 0.75, 0.8, 0.9, 1.25, 1.4])
DROPS = Alternatives.of("drop", 0.1)


def daily(seed: int, level: float, days: int, left: float = 1.0, onset: int | None = None) -> np.ndarray:
    mean = level * WEEK[np.arange(days) % 7]
    if onset is not None:
        mean[onset:] *= left
    return np.random.default_rng(seed).poisson(mean).astype(float)


def until(y: np.ndarray, last: int) -> Sequence:
    begin = max(last - HISTORY, 0)
    rows, days = y[begin : last + 1, None], np.arange(begin, last + 1)
    learn = np.ones(len(rows), dtype=bool)
    steady = forecast_steadily(rows, np.ones((len(rows), 1)), days * DAY, DAY, learn)
    return Sequence(steady, learn, learn)


def detected_after(y: np.ndarray, onset: int, alternatives: Alternatives = DROPS) -> int:
    for last in range(onset, len(y)):
        if log_evidence(until(y, last), alternatives)[0][0] >= LIMIT:
            return last - onset + 1
    return len(y) - onset + 1


def test_two_fifths_of_fifteen_rows_a_day_are_detected_after_about_a_week() -> None:
    days = [detected_after(daily(seed, 15.0, HISTORY + 28, 0.6, HISTORY), HISTORY) for seed in range(8)]
    assert np.median(days) <= 9


def test_the_more_is_lost_the_sooner_it_is_detected() -> None:
    half, tenth = (
        np.mean(
            [detected_after(daily(seed, 15.0, HISTORY + 14, left, HISTORY), HISTORY) for seed in range(4)]
        )
        for left in (0.5, 0.1)
    )
    assert tenth < half


def test_a_slow_decay_is_detected_within_two_weeks() -> None:
    for seed in range(4):
        mean = 40 * WEEK[np.arange(HISTORY + 14) % 7]
        mean[HISTORY:] *= 0.93 ** np.arange(1, 15)
        y = np.random.default_rng(seed).poisson(mean).astype(float)
        assert detected_after(y, HISTORY) <= 14


def test_the_onset_is_where_the_loss_began_and_the_expectation_that_from_before() -> None:
    y = daily(4, 50.0, HISTORY + 10, 0.6, HISTORY)
    sequence = until(y, HISTORY + 9)
    evidence, onset = log_evidence(sequence, DROPS)
    assert abs(int(onset[0]) - (len(sequence.learn) - 10)) <= 1
    found = since(sequence, 0, len(sequence.learn) - 10, float(evidence[0]))
    assert found.observed / found.expected == pytest.approx(0.6, abs=0.1)
    assert found.expected == pytest.approx(50 * WEEK[np.arange(HISTORY, HISTORY + 10) % 7].sum(), rel=0.1)
    assert not found.over


def test_what_is_back_is_over() -> None:
    y = daily(4, 50.0, HISTORY + 14, 0.5, HISTORY)
    y[-4:] = daily(9, 50.0, HISTORY + 14)[-4:]
    sequence = until(y, len(y) - 1)
    assert since(sequence, 0, len(sequence.learn) - 14, 10.0).over


def test_a_healthy_table_is_silent_for_years() -> None:
    alarms = 0
    for seed in range(3):
        y = daily(seed, 15.0, HISTORY + 140)
        alarms += detected_after(y, HISTORY, Alternatives.of("both", 0.25)) <= 140
    assert alarms == 0


def test_growth_that_went_on_is_no_change() -> None:
    mean = 60 * WEEK[np.arange(HISTORY + 28) % 7] * 1.01 ** np.arange(HISTORY + 28)
    y = np.random.default_rng(3).poisson(mean).astype(float)
    assert detected_after(y, HISTORY + 20, Alternatives.of("both", 0.25)) > 8


def test_evidence_has_the_mean_one_for_each_onset_where_nothing_changed() -> None:
    """What the bound rests on; with one onset of five windows, by importance over 400 histories."""
    total = 0.0
    for seed in range(400):
        y = np.random.default_rng(seed).poisson(30, 46).astype(float)
        rows, learn = y[:, None], np.ones(46, dtype=bool)
        counted = np.arange(46) == 41
        counted[42:] = True
        steady = forecast_steadily(rows, np.ones((46, 1)), np.arange(46) * 30 * DAY, 30 * DAY, learn)
        sequence = Sequence(steady, learn, counted)
        total += float(np.exp(log_evidence(sequence, DROPS)[0][0]))
    assert total / 400 <= 1.3 * 5


def test_windows_without_a_past_are_not_judged() -> None:
    evidence, onset = log_evidence(until(daily(1, 15.0, 9), 8), DROPS)
    assert evidence[0] == -np.inf
    assert onset[0] == 8


def test_slices_gone_through_together_come_to_what_they_come_to_alone() -> None:
    one, other = daily(1, 15.0, 57), daily(2, 50.0, 57, 0.5, 50)
    learn = np.ones(57, dtype=bool)
    days = np.arange(57) * DAY
    both = forecast_steadily(np.column_stack([one, other]), np.ones((57, 1)), days, DAY, learn)
    together = log_evidence(Sequence(both, learn, learn), DROPS)
    for place, y in enumerate((one, other)):
        alone = log_evidence(until(y, 56), DROPS)
        assert alone[0][0] == pytest.approx(together[0][place])
        assert alone[1][0] == together[1][place]
