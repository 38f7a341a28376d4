"""Prices compared with worlds whose truth is known, and what a log does not say."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from domain.diagnosis.replay import CandidateColumns, Floats
from domain.errors import SourceError
from domain.resolution.price import amount_to_repair, price
from domain.resolution.stage import REWARD, Stage, set_stage
from domain.values import Finding, Severity

AT = datetime(2026, 6, 1, 14, tzinfo=UTC)
PLACES, OFFERS, TOP = 24, 300, 4
COLUMNS = CandidateColumns(
    "call", "offer", "mark", ("pull",), member="client", propensity="chance", shown="put", top=TOP,
    dimensions=("branch",),
)  # fmt: skip
HURT = tuple(f"offer-{number}" for number in range(0, OFFERS, 10))


class Pull:
    """Scores are the one feature, in log-odds; what people take to is less steep than that."""

    kind = "log_odds"

    def score(self, features: pd.DataFrame) -> Floats:
        return np.asarray(features["pull"].fillna(-2.0).to_numpy(np.float64))


def liked(pull: Floats) -> Floats:
    """How likely an offer that is put is taken: not what the model says, as ever."""
    return np.asarray(1 / (1 + np.exp(-(0.7 * pull - 1.2))))


def raced(score: Floats, calls: int) -> Floats:
    """(rows,) the chances of an exponential race in which `TOP` of each call's are put."""
    weights = np.exp(score).reshape(calls, -1)
    low, high = np.full(calls, -30.0), np.full(calls, 30.0)
    for _ in range(60):
        middle = (low + high) / 2
        few = -np.expm1(-weights * np.exp(middle)[:, None]).sum(axis=1) < TOP
        low, high = np.where(few, middle, low), np.where(few, high, middle)
    return np.asarray(-np.expm1(-weights * np.exp(low)[:, None]).ravel())


def calls(seed: int, count: int, held_down: float = 0.0) -> pd.DataFrame:
    """The candidates of `count` calls; those of `HURT` are held down by serving, after the model."""
    chance, offers = np.random.default_rng(seed), np.random.default_rng(0)
    own = offers.normal(-1.0, 0.8, OFFERS)
    which = np.argsort(chance.random((count, OFFERS)), axis=1)[:, :PLACES].ravel()
    number = np.repeat(np.arange(count) + seed * 100_000, PLACES)
    rows = pd.DataFrame({"call": number, "offer": [f"offer-{place}" for place in which]})
    rows["client"] = np.repeat(chance.integers(0, 150, count), PLACES)
    rows["branch"] = np.where(rows["client"] % 3 == 0, "north", "south")
    rows["pull"] = own[which] + chance.normal(0, 0.6, len(rows))
    score = rows["pull"] - held_down * rows["offer"].isin(HURT)
    rows["mark"] = score
    rows["chance"] = raced(score.to_numpy(np.float64), count)
    rows["put"] = chance.random(len(rows)) < rows["chance"]
    taken = rows["put"] & (chance.random(len(rows)) < liked(rows["pull"].to_numpy(np.float64)))
    return rows.assign(**{REWARD: taken.astype(float)})


def finding(**changes: Any) -> Finding:
    return Finding(
        check="offers", table="puts", window_start=AT - timedelta(minutes=5), window_end=AT, observed=40,
        expected=100, low=82, high=118, p_value=1e-6, severity=Severity.SEV2, title="offers are put less",
    ).model_copy(update=changes)  # fmt: skip


def staged(since: pd.DataFrame, before: pd.DataFrame, **changes: Any) -> Stage:
    columns = replace(COLUMNS, **changes)
    return set_stage(
        since, before, columns, Pull(), HURT, feature=None, former={}, finding=finding(), unit="takes"
    )


def truth(added: float) -> tuple[float, float]:
    """What is repaired, in %, and what all calls gain, in %, when so much is added: by 20,000 calls."""
    rows = calls(99, 20_000, held_down=1.5)
    hurt = rows["offer"].isin(HURT).to_numpy()
    pull = rows["pull"].to_numpy(np.float64)
    usual, now, then = (raced(pull - amount * hurt, 20_000) for amount in (0.0, 1.5, 1.5 - added))
    repaired = 100 * (hurt @ (then - now)) / (hurt @ (usual - now))
    return float(repaired), float(100 * ((then - now) @ liked(pull)) / (now @ liked(pull)))


def test_nine_of_ten_intervals_hold_what_a_boost_repairs_and_is_worth() -> None:
    repaired, whole = truth(0.75)
    held = []
    for seed in range(1, 31):
        stage = staged(calls(seed, 300, held_down=1.5), calls(seed + 50, 500))
        found = price(stage, stage.now + 0.75 * stage.concerned)
        assert found.whole is not None
        for estimate, true in ((found.repairs, repaired), (found.whole, whole)):
            assert estimate.low is not None and estimate.high is not None
            held.append(estimate.low <= true <= estimate.high)
    assert np.mean(held[::2]) >= 0.8
    assert np.mean(held[1::2]) >= 0.8


def test_taking_the_fault_out_is_held_against_what_was_shown_before_and_not_against_itself() -> None:
    stage = staged(calls(1, 600, held_down=1.5), calls(2, 800))
    repairs = price(stage, stage.now + 1.5 * stage.concerned).repairs
    assert repairs.low is not None and repairs.high is not None
    assert repairs.low < 100 < repairs.high
    assert repairs.high - repairs.low > 5
    assert "what they were shown before it began" in repairs.basis


def test_a_fix_that_changes_nothing_is_promised_nothing_and_no_interval_has_width_zero() -> None:
    stage = staged(calls(1, 400, held_down=1.5), calls(2, 500))
    found = price(stage, stage.now)
    assert found.repairs.value is None
    assert "changes nothing that is shown" in found.repairs.basis
    assert found.blast_share == pytest.approx(0.0, abs=1e-9)
    for known in (found.costs, found.whole):
        assert known is not None and (known.value is None or known.low != known.high)


def test_the_requests_touched_are_counted_and_not_the_places() -> None:
    stage = staged(calls(1, 400, held_down=1.5), calls(2, 500))
    before = stage.traffic.exposure(stage.now)
    after = stage.traffic.exposure(stage.now + 1.5 * stage.concerned)
    places = float(np.abs(after - before).sum() / (2 * before.sum()))
    found = price(stage, stage.now + 1.5 * stage.concerned)
    assert found.blast_share > 2 * places
    assert found.members(1.0) == pytest.approx(found.blast_share)
    several = found.members(5.0)
    assert several is not None and several > found.blast_share


def test_what_was_lost_is_not_known_where_nothing_was_lost() -> None:
    stage = staged(calls(1, 400), calls(2, 500))
    repairs = price(stage, stage.now + stage.concerned).repairs
    assert repairs.value is None
    assert "cannot be distinguished from chance" in repairs.basis


def test_a_repair_that_may_be_anything_is_not_promised() -> None:
    stage = staged(calls(2, 50, held_down=0.3), calls(52, 500))
    repairs = price(
        stage, stage.now + 0.75 * stage.concerned
    ).repairs  # 423 % [-1,215 to 2,601] by resampling
    assert repairs.value is repairs.low is repairs.high is None
    assert "50 requests are too few to tell" in repairs.basis


def test_without_choices_no_cost_is_promised() -> None:
    since, before = calls(1, 400, held_down=1.5), calls(2, 500)
    stage = staged(since.drop(columns=REWARD), before.drop(columns=REWARD))
    found = price(stage, stage.now + stage.concerned)
    assert found.repairs.value is not None
    assert found.costs.value is None
    assert "what members chose" in found.costs.basis


def test_where_nothing_was_left_to_chance_the_model_and_its_error_say_what_it_is_worth() -> None:
    def best(rows: pd.DataFrame) -> pd.DataFrame:
        place = rows.groupby("call")["mark"].rank(ascending=False, method="first")
        put = place <= TOP
        taken = put & (np.random.default_rng(5).random(len(rows)) < liked(rows["pull"].to_numpy(np.float64)))
        return rows.assign(put=put, **{REWARD: taken.astype(float)})

    stage = staged(best(calls(1, 800, held_down=1.5)), best(calls(2, 800)), propensity=None)
    found = price(stage, stage.now + stage.concerned)
    assert found.whole is not None and found.whole.low is not None and found.whole.high is not None
    assert found.whole.low < found.whole.high
    assert "by the model and its error" in found.whole.basis


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda rows: rows[rows["put"]], "holds only what was shown"),
        (
            lambda rows: rows[rows.groupby("call")["mark"].rank(ascending=False) <= 5],
            "was cut at a rank|cut at a rank, or kept out",
        ),
        (lambda rows: rows.assign(chance=rows["chance"].where(~rows["put"], 0.0)), "is 0 of what was shown"),
        (lambda rows: rows.assign(chance=rows["chance"] * 3), "is no probability"),
        (lambda rows: rows.assign(chance=rows["chance"].where(rows.index > 5)), "is not set"),
    ],
)
def test_a_log_that_cannot_carry_a_price_is_refused_in_words(spoil: Any, says: str) -> None:
    with pytest.raises(SourceError, match=says):
        staged(spoil(calls(1, 400, held_down=1.5)), spoil(calls(2, 500)))


def test_items_that_fell_out_of_a_cut_log_are_not_priced() -> None:
    def cut(rows: pd.DataFrame) -> pd.DataFrame:
        return rows[rows.groupby("call")["mark"].rank(ascending=False) <= 12].drop(columns="chance")

    with pytest.raises(SourceError, match="less often among the logged candidates"):
        staged(cut(calls(1, 400, held_down=1.5)), cut(calls(2, 500)))


def test_items_that_something_keeps_out_after_the_ranking_are_not_priced() -> None:
    def kept_out(rows: pd.DataFrame) -> pd.DataFrame:
        return rows.assign(put=rows["put"] & ~rows["offer"].isin(HURT))

    with pytest.raises(SourceError, match="than their scores say"):
        staged(kept_out(calls(1, 400)), calls(2, 500))


def test_the_branch_that_a_fix_hits_hardest_is_named() -> None:
    since = calls(1, 1_500, held_down=1.5)
    stage = staged(since, calls(2, 500))
    north = (stage.traffic.rows["branch"] == "north").to_numpy()
    best = (stage.traffic.rows["pull"] > 0).to_numpy()
    found = price(stage, stage.now - 4.0 * (north & best))
    assert found.worst.startswith("branch = north loses most: ")


def test_a_day_of_it_is_given_in_numbers_where_they_are_known() -> None:
    stage = staged(calls(1, 400, held_down=1.5), calls(2, 500))
    found = price(stage, stage.now + stage.concerned)
    whole, a_day = found.whole, found.a_day(50_000.0)
    assert whole is not None and a_day is not None and whole.value is not None
    assert a_day.value == pytest.approx(whole.value * 500)
    assert a_day.unit == "takes a day"
    assert found.a_day(None) == whole


def test_what_is_shown_too_much_is_held_down_again() -> None:
    stage = staged(calls(1, 400, held_down=-1.5), calls(2, 500))
    amount = amount_to_repair(stage)
    assert amount == pytest.approx(-1.5, abs=0.4)
    assert amount_to_repair(staged(calls(1, 400), calls(2, 500))) is None


def test_minutes_are_as_uncertain_as_the_choices_that_they_come_of() -> None:
    since, before = calls(1, 800, held_down=1.5), calls(2, 500)

    def in_minutes(rows: pd.DataFrame) -> pd.DataFrame:
        return rows.assign(**{REWARD: 60.0 * rows[REWARD]})

    plain = staged(since, before)
    timed = staged(in_minutes(since), in_minutes(before))
    takes, minutes = (price(one, one.now + 1.5 * one.concerned).whole for one in (plain, timed))
    assert takes is not None and minutes is not None
    assert (minutes.value, minutes.low, minutes.high) == pytest.approx((takes.value, takes.low, takes.high))


def test_no_branch_is_named_as_the_worst_hit_where_all_are_hit_alike() -> None:
    named = []
    for seed in range(1, 13):
        rows = calls(seed, 600, held_down=1.5)
        rows["branch"] = "branch " + (rows["client"] % 8).astype(str)
        stage = staged(rows, calls(seed + 50, 400))
        found = price(stage, stage.now + 0.2 * stage.concerned)  # worth about nothing anywhere
        named.append(found.worst)
    assert sum(map(bool, named)) <= 2


def test_where_none_elsewhere_is_touched_the_loss_there_is_bounded_by_how_many_were_looked_at() -> None:
    stage = staged(calls(1, 400, held_down=1.5), calls(2, 500))
    away = (stage.traffic.per_request(stage.concerned.astype(np.float64)) == 0).astype(float)
    before = stage.traffic.exposure(stage.now)
    after = stage.traffic.exposure(stage.now + 1.5 * stage.concerned)
    found = stage.valued.worth(before, after, away, stage.weights).elsewhere
    assert found.value == 0.0
    assert found.low is not None and found.high is not None
    assert found.low == pytest.approx(-found.high)
    assert 0 < found.high < 100 * 3 / away.sum()
