from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.detection.expect.season import forecasts
from domain.detection.judge.series.alerting import AGAIN, BEGINS, onsets
from domain.detection.judge.series.anomaly_score import (
    RETURN_DAYS,
    Past,
    anomaly_scores,
    standstill,
)

HOUR, DAY = 3_600, 86_400
WINDOWS = 24 * 63
FAULT_AT = 24 * 56 + 10


def clock(windows: int, width: int) -> np.ndarray:
    return np.arange(windows, dtype=np.int64) * width + 4 * DAY  # a Monday


def daily(seed: int, windows: int = WINDOWS, noise: float = 5.0) -> np.ndarray:
    """A metric by the hour with a day's shape and a quiet weekend."""
    local = clock(windows, HOUR)
    shape = (
        100
        + 40 * np.sin(local % DAY / DAY * 2 * np.pi)
        - 25 * (local // DAY % 7 >= 2) * (local // DAY % 7 < 4)
    )
    return np.asarray(shape + np.random.default_rng(seed).normal(0, noise, windows))


def rarities(
    y: np.ndarray, width: int = HOUR, usable: np.ndarray | None = None, first: int = 0
) -> dict[str, np.ndarray]:
    """The greatest score of each way, window by window from `first` on, each by those before it."""
    learned = np.ones(len(y), dtype=bool) if usable is None else usable
    found: dict[str, np.ndarray] = {}
    for score in anomaly_scores(Past(y, clock(len(y), width), width, learned, learned)):
        each = np.array([score.until(last).rarity().score for last in range(first, len(y))])
        found[score.way] = np.maximum(found.get(score.way, 0.0), each)
    return found


def past(y: np.ndarray) -> Past:
    learned = np.ones(len(y), dtype=bool)
    return Past(y, clock(len(y), HOUR), HOUR, learned, learned)


def greatest(y: np.ndarray, width: int = HOUR) -> np.ndarray:
    return np.asarray(np.max(list(rarities(y, width).values()), axis=0))


def test_a_season_is_forecast_and_its_noise_is_not() -> None:
    y = daily(1)
    forecast = forecasts(y, clock(len(y), HOUR), HOUR)
    late = slice(24 * 28, None)
    assert np.std((y - forecast.best)[late]) < 8
    assert np.std((y - forecast.seasonal)[late]) < 8
    assert np.std(y[late]) > 25


def test_a_metric_without_a_season_is_given_none() -> None:
    walk = np.cumsum(np.random.default_rng(2).normal(0, 1, WINDOWS))
    forecast = forecasts(walk, clock(WINDOWS, HOUR), HOUR)
    assert np.nanmean(np.abs(walk - forecast.best)) < 0.6 * np.nanmean(np.abs(walk - forecast.seasonal))


def spike(y: np.ndarray) -> None:
    y[FAULT_AT] += 60


def missing_peak(y: np.ndarray) -> None:
    y[FAULT_AT : FAULT_AT + 12] = y[FAULT_AT - 12 : FAULT_AT]


def lower(y: np.ndarray) -> None:
    y[FAULT_AT:] -= 35


def restless(y: np.ndarray) -> None:
    y[FAULT_AT:] += 24 * np.where(np.arange(len(y) - FAULT_AT) % 2, 1, -1)


def decaying(y: np.ndarray) -> None:
    y[FAULT_AT:] -= np.linspace(0, 60, len(y) - FAULT_AT)


def stuck(y: np.ndarray) -> None:
    y[FAULT_AT:] = y[FAULT_AT]


FAULTS = {
    "spike": spike,
    "season": missing_peak,
    "level": lower,
    "spread": restless,
    "decay": decaying,
    "silence": stuck,
}


@pytest.mark.parametrize("way", FAULTS)
def test_each_way_of_going_wrong_is_seen_in_its_own_way(way: str) -> None:
    for seed in range(3):
        y = daily(seed)
        before = rarities(y, first=FAULT_AT)[way].max()
        FAULTS[way](y)
        after = rarities(y, first=FAULT_AT)[way].max()
        assert after >= BEGINS
        assert after > before


@pytest.mark.parametrize("width", [300, HOUR, DAY])
def test_a_healthy_metric_rings_rarely(width: int) -> None:
    alarms, days = 0, 0.0
    for seed in range(2):
        chance = np.random.default_rng(seed)
        windows = {300: 288 * 14, HOUR: 24 * 60, DAY: 300}[width]
        local = clock(windows, width)
        y = 100 + 30 * np.sin(local % DAY / DAY * 2 * np.pi) + chance.standard_t(5, windows) * 4
        alarms += len(onsets(greatest(y, width), max(DAY // width, 1)))
        days += windows * width / DAY
    assert alarms / days <= 2 / RETURN_DAYS  # of any size: least_change is not asked for here


def test_noise_as_heavy_as_it_likes_is_held_against_its_own_tails() -> None:
    rate = []
    for heavy in (30.0, 3.0, 1.5):
        y = np.abs(np.random.default_rng(5).standard_t(heavy, 24 * 120)) * 10
        rate.append(len(onsets(greatest(y), 24)) / 120)
    assert max(rate) <= 1 / RETURN_DAYS


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([2.0**-20, 0.25, 8.0, 2.0**30]))
def test_the_unit_of_a_metric_says_nothing(seed: int, scale: float) -> None:
    y = daily(seed, 300)
    y[250] += 70
    np.testing.assert_allclose(greatest(y * scale), greatest(y), rtol=1e-6, atol=1e-9)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 200), st.sampled_from([300, HOUR, DAY]))
def test_what_comes_later_changes_no_judgement_of_what_was(seed: int, more: int, width: int) -> None:
    chance = np.random.default_rng(seed)
    y = chance.gamma(2, 10, 500)
    later = np.r_[y, chance.choice([0.0, np.nan, 1e6], more)]
    before, after = rarities(y, width, first=300), rarities(later, width, first=300)
    for way, found in before.items():
        np.testing.assert_allclose(after[way][: len(found)], found, rtol=1e-9, atol=1e-9)


@settings(max_examples=40, deadline=None)
@given(
    st.floats(-1e9, 1e9, allow_nan=False),
    st.integers(1, 900),
    st.sampled_from([60, 300, HOUR, DAY]),
)
def test_a_constant_metric_never_rings(value: float, windows: int, width: int) -> None:
    assert len(onsets(greatest(np.full(windows, value), width), max(DAY // width, 1))) == 0


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000), st.floats(-1e6, 1e6, allow_nan=False))
def test_what_is_not_to_be_learned_from_may_have_held_anything(seed: int, wrong: float) -> None:
    y, usable = daily(seed, 400), np.ones(400, dtype=bool)
    usable[200:300] = False
    other = y.copy()
    other[200:300] = wrong
    after = 300 + 4  # what an hour is judged together with
    one, two = rarities(y, HOUR, usable, after), rarities(other, HOUR, usable, after)
    for way, found in one.items():
        if way != "silence":  # whether a value stood still is seen from the one before it
            np.testing.assert_allclose(two[way], found, rtol=1e-6, atol=1e-6)


def test_a_past_incident_that_is_left_out_does_not_hide_the_next_one() -> None:
    y, usable = daily(3), np.ones(WINDOWS, dtype=bool)
    for start in (600, 800, 1_000):
        y[start : start + 24] *= 0.3
        usable[start : start + 24] = False
    y[FAULT_AT : FAULT_AT + 12] *= 0.5
    known, unknown = (rarities(y, HOUR, one, FAULT_AT)["season"][:12] for one in (usable, None))
    assert known.max() > BEGINS > unknown.max()


def test_windows_without_a_value_stand_still_and_are_no_fault_of_any_other_way() -> None:
    y = daily(4)
    y[FAULT_AT:] = np.nan
    found = rarities(y, first=FAULT_AT)
    assert found["silence"][6] > BEGINS
    assert all(found[way].max() == 0 for way in ("spike", "season"))


def test_a_standstill_begins_with_the_seventh_window_alike() -> None:
    assert standstill(np.r_[1.0, np.full(9, 2.0), 3.0]).tolist() == [0, 0, 0, 0, 0, 0, 0, 6, 7, 8, 0]
    assert standstill(np.array([])).tolist() == []


def test_a_metric_that_is_mostly_nothing_is_held_against_the_times_that_it_was_not() -> None:
    chance = np.random.default_rng(4)
    y = np.where(chance.random(WINDOWS) < 0.02, chance.integers(1, 4, WINDOWS), 0).astype(float)
    assert len(onsets(greatest(y)[1_000:], 24)) <= (WINDOWS - 1_000) / 24 * 2 / RETURN_DAYS
    y[FAULT_AT] = 60
    assert rarities(y, first=FAULT_AT)["spike"][0] > BEGINS


def test_standing_still_a_little_longer_than_three_times_before_is_no_anomaly() -> None:
    y = daily(5)
    for start, hours in ((600, 24), (800, 30), (1_100, 27)):
        y[start : start + hours] = y[start]
    y[FAULT_AT : FAULT_AT + 40] = y[FAULT_AT]
    silence = rarities(y, first=FAULT_AT)["silence"][:40]
    assert silence.max() < BEGINS


def test_one_spike_is_no_decay_and_a_loss_in_all_hours_is() -> None:
    y = daily(5)
    y[FAULT_AT] += 2_000
    assert rarities(y, first=FAULT_AT)["decay"][:24].max() < BEGINS
    y = np.random.default_rng(5).normal(100, 5, WINDOWS)
    y[FAULT_AT:] *= 0.92
    assert rarities(y, first=FAULT_AT)["decay"][:48].max() > BEGINS


def test_a_score_of_one_is_what_comes_once_in_a_fortnight_in_any_way() -> None:
    y = np.random.default_rng(6).normal(100, 5, WINDOWS)
    y[-1] += 200
    (spike,) = (one for one in anomaly_scores(past(y)) if one.way == "spike")
    rarity = spike.rarity()
    distance = np.append(spike.distance[:-1], rarity.limit)
    at_limit = replace(spike, distance=distance).rarity()
    assert at_limit.score == pytest.approx(1.0)
    assert at_limit.p_value == pytest.approx(1 / (24 * RETURN_DAYS))
    assert rarity.score > 1.5 * at_limit.score


@pytest.mark.parametrize("width", [60, 300, HOUR, DAY])
def test_the_shares_of_all_ways_make_one_whole(width: int) -> None:
    y = np.arange(60.0)
    learned = np.ones(60, dtype=bool)
    shares = [one.share for one in anomaly_scores(Past(y, clock(60, width), width, learned, learned))]
    assert sum(shares) == pytest.approx(1.0)


def test_one_incident_rings_once_and_again_only_when_much_worse() -> None:
    quiet = np.zeros(100)
    incident = quiet.copy()
    incident[10:20] = [1.2, 1.1, 0.5, 1.3, 1.2, 0.2, 1.4, 1.2, 1.0, 1.2]
    assert onsets(incident, a_day=24).tolist() == [10]
    worse = incident.copy()
    worse[30], worse[34] = 1.4, AGAIN
    assert onsets(worse, a_day=24).tolist() == [10, 34]
    later = incident.copy()
    later[60] = BEGINS
    assert onsets(later, a_day=24).tolist() == [10, 60]


@pytest.mark.parametrize(("quiet_hours", "begun"), [(4, [10]), (5, [10, 16])])
def test_what_comes_back_after_four_quiet_hours_is_the_same_and_later_it_is_another(
    quiet_hours: int, begun: list[int]
) -> None:
    score = np.zeros(40)
    score[10], score[11 + quiet_hours] = BEGINS, AGAIN
    assert onsets(score, a_day=24).tolist() == begun
