"""
A total's baseline: chosen by its own errors, calibrated, kept between looks, and not moved by what is bad.
"""

from __future__ import annotations

import numpy as np
import pytest

from domain.detection.data.counts import Floats
from domain.detection.expect.total.baseline import Baseline, expected, expected_over, learn
from domain.detection.expect.total.dispersion import dispersion_of
from domain.detection.expect.total.predictive import Expected, surprises

DAY, WEEK = 86_400, 604_800


def breathing(width: int, days: int, rows: float, swing: float = 8.0, weekend: float = 0.6) -> Floats:
    """What windows are to hold: days `swing` times their nights, and quieter weekends."""
    t = np.arange(days * DAY // width) * width
    season = np.exp(np.log(swing) / 2 * np.sin(2 * np.pi * (t / DAY - 0.3)))
    return np.asarray(rows * season * np.where((t // DAY) % 7 >= 5, weekend, 1.0))


def local(n: int, width: int) -> np.ndarray:
    return np.arange(n, dtype=np.int64) * width


def learned(values: Floats, width: int, usable: np.ndarray | None = None, amounts: bool = False) -> Baseline:
    all_of_them = np.ones(len(values), dtype=bool)
    use = all_of_them if usable is None else usable
    found = learn(values, local(len(values), width), float(width), use, amounts=amounts)
    assert found is not None
    return found


def test_nights_and_weekends_are_expected_once_they_have_come_often_enough() -> None:
    mean = breathing(900, 28, 60.0)
    counts = np.random.default_rng(1).poisson(mean).astype(float)
    baseline = learned(counts[: 27 * 96], 900)
    assert baseline.season == "weekday and hour"
    forecasts = [expected_over(baseline, place * 900, 900.0) for place in range(27 * 96, 28 * 96)]
    off = np.array([one.mean for one in forecasts if one]) / mean[27 * 96 :] - 1
    assert np.abs(off).mean() < 0.08
    assert np.abs(off).max() < 0.3


@pytest.mark.parametrize("over", [0.0, 0.2])
def test_p_values_of_new_windows_are_as_rare_as_they_say(over: float) -> None:
    chance = np.random.default_rng(2)
    mean = breathing(3_600, 56, 400.0)
    noisy = mean * chance.gamma(1 / over**2, over**2, len(mean)) if over else mean
    counts = chance.poisson(noisy).astype(float)
    found = []
    for day in range(28, 56):
        baseline = learned(counts[: day * 24], 3_600)
        for place in range(day * 24, day * 24 + 24):
            one = expected_over(baseline, place * 3_600, 3_600.0)
            assert one is not None
            found.append(one.p_value(counts[place]))
    p = np.array(found)
    assert (p < 0.1).mean() < 0.14
    assert (p < 0.01).mean() < 0.025
    assert (p < 0.5).mean() > 0.3


def test_a_metric_without_a_season_is_not_given_one() -> None:
    counts = np.random.default_rng(3).poisson(50, 28 * 24).astype(float)
    one = expected_over(learned(counts, 3_600), 28 * DAY, 3_600.0)
    assert one is not None
    assert abs(one.mean / 50 - 1) < 0.1


def test_a_burst_every_hour_on_the_hour_is_a_season_too() -> None:
    mean = np.tile(np.r_[300.0, np.full(11, 20.0)], 24 * 14)
    counts = np.random.default_rng(4).poisson(mean).astype(float)
    baseline = learned(counts, 300)
    on, off = (expected_over(baseline, 14 * DAY + at, 300.0) for at in (0, 300))
    assert on is not None
    assert off is not None
    assert on.mean > 250
    assert off.mean < 30


def test_before_the_hours_are_known_a_morning_is_no_surge() -> None:
    mean = breathing(300, 2, 50.0)
    counts = np.random.default_rng(5).poisson(mean).astype(float)
    odd = 0
    for place in range(100, len(counts)):
        t = local(place + 1, 300)
        baseline = learned(counts[:place], 300)
        one = expected(baseline, counts[place:][:1], t[-1:], np.ones(1, dtype=bool))
        assert one is not None
        odd += one.p_value(counts[place]) < 1e-5
    assert odd <= 1
    assert "hours of the day from 3 days on" in (baseline.note() or "")


def test_a_growing_table_is_expected_to_have_grown() -> None:
    values = np.round(2_000 * 1.02 ** np.arange(56.0))
    baseline = learned(values, DAY)
    one = expected_over(baseline, 56 * DAY, float(DAY))
    assert one is not None
    assert abs(one.mean / (2_000 * 1.02**56) - 1) < 0.05


def test_windows_since_move_the_level_and_a_single_outlier_hardly_does() -> None:
    counts = np.random.default_rng(6).poisson(100, 14 * 24).astype(float)
    baseline = learned(counts, 3_600)
    assert baseline.reach >= 8
    t = local(len(counts) + 13, 3_600)[-13:]

    def level(since: list[float]) -> float:
        one = expected(baseline, np.array([*since, 0.0]), t, np.ones(13, dtype=bool))
        assert one is not None
        return one.mean

    calm = level([100.0] * 12)
    assert level([115.0] * 12) > calm
    assert abs(level([100.0] * 11 + [100_000.0]) / calm - 1) < 0.1


def test_what_may_not_be_learned_from_moves_nothing() -> None:
    counts = np.random.default_rng(7).poisson(breathing(3_600, 28, 300.0)).astype(float)
    usable = np.ones(len(counts), dtype=bool)
    usable[-9 * 24 :] = False
    lost = counts.copy()
    lost[-9 * 24 :] *= 0.3
    assert learned(lost, 3_600, usable) == learned(counts, 3_600, usable)


def test_a_day_that_was_lost_before_anybody_looked_is_no_level_and_its_end_no_surge() -> None:
    mean = breathing(900, 21, 80.0)
    counts = np.random.default_rng(8).poisson(mean).astype(float)
    lost = counts.copy()
    lost[-60:] *= 0.1
    one, other = (expected_over(learned(v, 900), 21 * DAY, 900.0) for v in (counts, lost))
    assert one is not None
    assert other is not None
    assert abs(other.mean / one.mean - 1) < 0.15


def test_amounts_scatter_by_what_one_thing_counts() -> None:
    chance = np.random.default_rng(9)
    sales = chance.poisson(40, 28 * 24)
    revenue = np.array([chance.gamma(4, 3, n).sum() for n in sales])
    baseline = learned(revenue, 3_600, amounts=True)
    assert 9 < baseline.unit < 25  # E[x²] / E[x] of such a sale is 15
    one = expected_over(baseline, 28 * DAY, 3_600.0)
    assert one is not None
    assert abs(one.mean / 480 - 1) < 0.1
    assert one.p_value(0.0) < 1e-4
    assert one.p_value(480.0) > 0.5


def test_scatter_grows_with_the_mean_as_it_did_before() -> None:
    chance = np.random.default_rng(10)
    mean = np.tile(np.geomspace(10, 2_000, 50), 40)
    counts = chance.poisson(mean * chance.gamma(25, 1 / 25, len(mean))).astype(float)
    found = dispersion_of(counts, mean, 1.0)
    assert 0.03 < found.scatter < 0.05
    assert found.phi < 2


def test_a_bad_day_among_the_errors_makes_no_tail() -> None:
    chance = np.random.default_rng(11)
    mean = np.full(2_000, 100.0)
    counts = chance.poisson(mean).astype(float)
    counts[500:596] = 0
    assert dispersion_of(counts, mean, 1.0).freedom == 200.0


def test_down_to_zero_a_count_is_a_poisson() -> None:
    rare = Expected(2.0, 0.0, 100)
    assert rare.p_value(0.0) == pytest.approx(2 * np.exp(-2.0), rel=0.1)
    assert rare.band()[0] == 0.0
    assert abs(float(surprises(np.array([2.0]), np.array([2.0]), np.array([0.0]))[0])) < 0.5


def test_a_baseline_survives_as_json() -> None:
    counts = np.random.default_rng(12).poisson(breathing(3_600, 21, 50.0)).astype(float)
    baseline = learned(counts, 3_600)
    assert Baseline.model_validate_json(baseline.model_dump_json()) == baseline
