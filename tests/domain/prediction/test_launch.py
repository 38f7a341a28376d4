"""Launch forecasts on a calendar whose truth is known."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import TooFewRows
from domain.prediction.calendar import LaunchColumns, past_launches
from domain.prediction.history import History, learn
from domain.prediction.launch import forecast_launches, level_at_most
from domain.prediction.missed import find_missed_launches, recovered
from domain.prediction.repaired import Repaired, forecast_repaired
from domain.prediction.score import score_prediction

AT = datetime(2026, 3, 1, tzinfo=UTC)
FEATURES = ("genre", "language", "popularity", "dry_run_share")
COLUMNS = LaunchColumns("item_id", "snapshot_at", "launch_at", "first_day", FEATURES)


def calendar(
    past: int = 150, upcoming: int = 30, faulty: tuple[int, ...] = (), seed: int = 1
) -> pd.DataFrame:
    """Rows (item, look): one look 8 days before each past launch, one today for each upcoming."""
    chance = np.random.default_rng(seed)
    total = past + upcoming
    popularity = chance.uniform(0, 1, total)
    genre = chance.choice(["drama", "comedy", "horror"], total)
    share = (
        0.02 * np.exp(1.5 * popularity + chance.normal(0, 0.1, total)) * np.where(genre == "horror", 0.5, 1.0)
    )
    language = np.array(chance.choice(["French", "Danish"], total), dtype=object)
    for place in faulty:
        share[past + place] *= 0.03
        language[past + place] = None
    ago = np.concatenate([chance.uniform(2, 90, past), -chance.uniform(9, 26, upcoming)])
    launch = pd.Timestamp(AT) - pd.to_timedelta(ago, unit="D")
    frame = pd.DataFrame(
        {
            "item_id": [f"film-{n}" for n in range(total)],
            "snapshot_at": [min(at - timedelta(days=8), pd.Timestamp(AT)) for at in launch],
            "launch_at": launch,
            "genre": genre,
            "language": language,
            "popularity": popularity,
            "dry_run_share": share,
        }
    )
    outcome = np.round(20_000 * share * np.exp(chance.normal(0, 0.2, total)))
    return frame.assign(first_day=np.where(np.arange(total) < past, outcome, np.nan))


def test_a_launch_that_nobody_will_be_shown_is_predicted_and_no_other() -> None:
    forecasts = forecast_launches(calendar(faulty=(3,)), COLUMNS, AT, seed=7)
    findings = find_missed_launches(
        forecasts, AT, table="prelaunch", titles={"film-153": "Quiet Harbour"}, noun="films"
    )
    assert [finding.subject for finding in findings] == ["film-153"]
    (finding,) = findings
    assert finding.kind == "predicted"
    assert finding.title.startswith("“Quiet Harbour” launches in ")
    assert "comparable films had" in finding.title
    assert finding.high is not None
    assert finding.observed < finding.high < finding.expected
    assert finding.window_start - AT >= timedelta(days=7)
    suspects = next(f.suspects for f in forecasts if f.item == "film-153")
    assert "language" in suspects


def test_healthy_calendars_raise_hardly_any_alarm() -> None:
    alarms = 0
    for seed in range(4):
        forecasts = forecast_launches(calendar(seed=seed), COLUMNS, AT, seed=seed)
        alarms += len(find_missed_launches(forecasts, AT, table="prelaunch", titles={}))
    assert alarms <= 1  # of 120 launches


def test_intervals_cover_about_nine_in_ten() -> None:
    frame = calendar(past=300, seed=5)
    future = frame["launch_at"] > pd.Timestamp(AT)
    chance = np.random.default_rng(0)
    truth = 20_000 * frame["dry_run_share"] * np.exp(chance.normal(0, 0.2, len(frame)))
    answers = dict(zip(frame["item_id"], truth, strict=True))
    forecasts = forecast_launches(frame, COLUMNS, AT)
    assert len(forecasts) == future.sum()
    inside = [forecast.low <= answers[forecast.item] <= forecast.high for forecast in forecasts]
    assert np.mean(inside) >= 0.75


def test_the_same_seed_gives_the_same_forecasts() -> None:
    frame = calendar(faulty=(1,))
    assert forecast_launches(frame, COLUMNS, AT, seed=3) == forecast_launches(frame, COLUMNS, AT, seed=3)


def test_what_was_learned_is_kept_until_the_past_is_another_one() -> None:
    past = past_launches(calendar(seed=1), COLUMNS, AT, timedelta(days=7))
    history = learn(past, COLUMNS, 0)
    assert learn(past.copy(), COLUMNS, 0) is history
    fewer = learn(past.iloc[1:].reset_index(drop=True), COLUMNS, 0)
    assert len(fewer.rows) == len(history.rows) - 1


def test_snapshots_from_after_the_moment_are_not_used() -> None:
    frame = calendar()
    later = frame.tail(5).assign(snapshot_at=pd.Timestamp(AT) + timedelta(days=1), dry_run_share=0.0)
    assert forecast_launches(pd.concat([frame, later]), COLUMNS, AT) == forecast_launches(frame, COLUMNS, AT)


def looked_at_often(shares: npt.NDArray[np.float64]) -> pd.DataFrame:
    """The calendar with film-153 looked at each minute until now, `shares` times its usual dry run."""
    frame = calendar()
    mine = frame[frame["item_id"] == "film-153"]
    looks = mine.loc[mine.index.repeat(len(shares))].assign(
        snapshot_at=[pd.Timestamp(AT) - timedelta(minutes=len(shares) - 1 - n) for n in range(len(shares))],
        dry_run_share=mine["dry_run_share"].iloc[0] * shares,
    )
    return pd.concat([frame.drop(mine.index), looks], ignore_index=True)


def detected(frame: pd.DataFrame) -> bool:
    forecasts = forecast_launches(frame, COLUMNS, AT, seed=7)
    found = find_missed_launches(forecasts, AT, table="prelaunch", titles={})
    return "film-153" in {one.subject for one in found}


@pytest.mark.parametrize(
    ("scatter", "low", "expected"),
    [(0.3, 0.1, False), (0.02, 0.1, True), (0.3, 0.01, True)],
    ids=["one low look among many that scatter", "one among many that do not", "lower than any chance"],
)
def test_one_low_look_is_detected_where_its_snapshots_do_not_scatter_so_far(
    scatter: float, low: float, expected: bool
) -> None:
    looks = np.exp(np.random.default_rng(4).normal(0, scatter, 16))
    assert not detected(looked_at_often(looks))
    assert detected(looked_at_often(np.append(looks, low))) == expected


def test_a_launch_looked_at_twice_is_detected_at_once_if_it_fell_between_further_than_all_scatter() -> None:
    assert not detected(looked_at_often(np.array([1.0, 1.0])))
    fell = looked_at_often(np.array([1.0, 0.1]))
    assert detected(fell), "nobody else was looked at twice"
    others = fell[(fell["launch_at"] > pd.Timestamp(AT)) & (fell["item_id"] != "film-153")]
    before = others.assign(snapshot_at=pd.Timestamp(AT) - timedelta(minutes=1))
    for scatter, expected in ((0.02, True), (0.5, False)):
        share = others["dry_run_share"] * np.exp(np.random.default_rng(4).normal(0, scatter, len(others)))
        assert detected(pd.concat([fell, before.assign(dry_run_share=share)], ignore_index=True)) == expected


def test_where_single_looks_scatter_too_far_several_of_them_are_conclusive() -> None:
    looks = np.exp(np.random.default_rng(4).normal(0, 0.3, 16))
    assert not detected(looked_at_often(np.append(looks[1:], 0.1)))
    assert detected(looked_at_often(0.1 * looks[::-1]))


@given(st.lists(st.floats(-20, 20), min_size=1, max_size=16), st.floats(-5, 5))
def test_what_a_level_is_at_most_moves_with_it_and_is_nowhere_below_every_look(
    guesses: list[float], step: float
) -> None:
    looks = np.array(guesses)
    assert level_at_most(looks) >= looks.min() - 1e-9
    assert level_at_most(looks + step) == pytest.approx(level_at_most(looks) + step, abs=1e-9)


def test_too_few_past_launches_are_said_in_words() -> None:
    with pytest.raises(TooFewRows, match=r"12 past launches.*30 are needed"):
        forecast_launches(calendar(past=12), COLUMNS, AT)


def test_a_prediction_is_scored_with_its_interval() -> None:
    (finding,) = find_missed_launches(
        forecast_launches(calendar(faulty=(3,)), COLUMNS, AT), AT, table="prelaunch", titles={}
    )
    scored = score_prediction(finding, observed=55.0)
    assert (scored.observed, scored.forecast, scored.low, scored.high) == (
        55.0, finding.observed, finding.low, finding.high,
    )  # fmt: skip
    with pytest.raises(ValueError, match="only a prediction"):
        score_prediction(finding.model_copy(update={"kind": "detected"}), 1.0)


def test_a_forecast_goes_below_everything_that_was_seen() -> None:
    forecasts = {one.item: one for one in forecast_launches(calendar(faulty=(3,)), COLUMNS, AT)}
    smallest = calendar()["first_day"].min()
    assert forecasts["film-153"].value < 0.5 * smallest


def test_a_launch_has_recovered_when_its_comparables_lie_within_its_forecast() -> None:
    ill, well = (
        next(one for one in forecast_launches(calendar(faulty=faulty), COLUMNS, AT) if one.item == "film-153")
        for faulty in ((3,), ())
    )
    assert recovered(well)
    assert not recovered(ill)
    on_the_edge = replace(well, value=0.45 * well.comparable, high=1.1 * well.comparable)
    assert not recovered(on_the_edge)
    assert not find_missed_launches([on_the_edge], AT, table="prelaunch", titles={})


def repaired_as(frame: pd.DataFrame, seed: int, earlier: pd.DataFrame | None = None) -> Repaired:
    every = forecast_launches(frame, COLUMNS, AT, seed=seed)
    ill = next(one for one in every if one.item == "film-153")
    return forecast_repaired(frame, COLUMNS, AT, ill, "language", "French", earlier=earlier, seed=seed)


def test_nine_in_ten_repaired_launches_come_to_what_their_interval_says() -> None:
    inside = []
    for seed in range(5):
        healthy, ill = calendar(seed=seed), calendar(faulty=(3,), seed=seed)
        before = healthy[healthy["item_id"] == "film-153"].assign(language="French")
        forecast = repaired_as(ill, seed, before)
        noise = np.exp(np.random.default_rng(100 + seed).normal(0, 0.2))
        truth = 20_000 * float(before["dry_run_share"].iloc[0]) * noise
        assert forecast.now < 0.5 * forecast.value
        inside.append(forecast.low <= truth <= forecast.high)
    assert np.mean(inside) >= 0.75


def test_an_item_that_was_never_well_is_repaired_as_comparable_ones_are_and_less_surely() -> None:
    ill, healthy = calendar(faulty=(3,)), calendar()
    own = repaired_as(ill, 0, healthy[healthy["item_id"] == "film-153"].assign(language="French"))
    guessed = repaired_as(ill, 0)
    assert (own.basis, guessed.basis) == (
        "with what was known of it before", "with what was known of comparable launches",
    )  # fmt: skip
    assert guessed.value == pytest.approx(guessed.comparable, rel=0.5)
    assert np.log(guessed.high / guessed.low) > np.log(own.high / own.low)


@given(
    residuals=st.lists(st.floats(0, 3), min_size=1, max_size=60),
    guesses=st.lists(st.floats(0, 12), min_size=1, max_size=8),
)
def test_an_interval_holds_the_middle_of_its_guesses_and_grows_with_the_errors(
    residuals: list[float], guesses: list[float]
) -> None:
    def interval(errors: list[float]) -> tuple[float, float]:
        nothing = np.zeros(0)
        history = History(pd.DataFrame(), nothing, nothing, np.array(errors), None)  # type: ignore[arg-type]
        return history.interval(np.array(guesses))

    low, high = interval(residuals)
    wide_low, wide_high = interval([2 * error for error in residuals])
    assert wide_low <= low + 1e-9 <= float(np.median(guesses)) + 2e-9
    assert float(np.median(guesses)) - 2e-9 <= high <= wide_high + 1e-9
