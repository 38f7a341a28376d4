"""
What production shows an item against its expected exposure: a known bias is found, and none where none is.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from domain.detection.exposure.expected_exposure import comparables, deserve, production_bias
from domain.errors import TooFewRows
from tests.domain.detection.exposed import Traffic, traffic

SEEDS = range(4)


def biased(made: Traffic, *, unbiased: bool = True) -> pd.DataFrame:
    deserved = deserve(made.production, made.by_chance if unbiased else None)
    return production_bias(deserved, made.production).set_index("item").loc[made.items]


def held(found: pd.DataFrame, truth: np.ndarray) -> np.ndarray:
    return np.asarray((found["low"] <= np.expm1(truth)) & (np.expm1(truth) <= found["high"]))


def test_a_known_bias_is_recovered_within_its_interval() -> None:
    """Nine in ten intervals of all items hold the truth, and eight in ten of the few that are held down."""
    every, few = [], []
    for seed in SEEDS:
        made = traffic(seed, held_down=12, production=800_000, by_chance=1_500_000)
        inside = held(biased(made), made.truth)
        every.append(inside.mean())
        few.append(inside[:12].mean())
    assert 0.85 < np.mean(every) < 0.95
    assert np.mean(few) > 0.8


def test_where_an_interval_leaves_nothing_out_its_side_is_right() -> None:
    right, sure = 0, 0
    for seed in SEEDS:
        made = traffic(seed, held_down=12)
        found = biased(made)
        clear = np.asarray((found["low"] > 0) | (found["high"] < 0))
        right += int((np.sign(found["bias"][clear]) == np.sign(made.truth[clear])).sum())
        sure += int(clear.sum())
    assert sure > 50
    assert right / sure > 0.97


def test_items_that_are_held_down_are_unusual_and_others_are_not() -> None:
    found = [biased(traffic(seed, held_down=12, by=-1.8)) for seed in SEEDS]
    assert np.mean([one["unusual"][:12].mean() for one in found]) > 0.6
    assert np.mean([one["unusual"][12:].mean() for one in found]) < 0.005


def test_there_is_no_alarm_where_nothing_is_wrong() -> None:
    """Items differ by a quarter here, as they do where all is well: one shop in twenty may be alarmed."""
    alarmed = [bool(biased(traffic(100 + seed))["unusual"].any()) for seed in range(10)]
    assert sum(alarmed) <= 1


def test_without_traffic_by_chance_an_item_is_held_against_its_own_engagement() -> None:
    """Items are eligible equally often here, as is then taken for granted."""
    made = traffic(3, held_down=12, by=-2.5, scatter=0.1)
    merit = made.production.groupby("item")[["shown", "chosen"]].sum()
    found = biased(made, unbiased=False)
    assert len(merit) == 300
    assert found["bias"][:12].median() < found["bias"][12:].quantile(0.1)


def test_deserved_shares_add_up_and_so_do_those_of_production() -> None:
    made = traffic(9)
    deserved = deserve(made.production, made.by_chance)
    found = production_bias(deserved, made.production)
    assert deserved.share.sum() == pytest.approx(1.0)
    assert found["deserved"].sum() == pytest.approx(found["shown"].sum())


def test_more_of_the_same_traffic_changes_no_bias_and_makes_it_surer() -> None:
    made = traffic(12, held_down=12)
    more = made.production.assign(shown=made.production["shown"] * 4, chosen=made.production["chosen"] * 4)
    many = made.by_chance.assign(shown=made.by_chance["shown"] * 4, chosen=made.by_chance["chosen"] * 4)
    one = biased(made)
    four = biased(Traffic(made.items, more, many, made.truth))
    assert np.corrcoef(one["raw"], four["raw"])[0, 1] > 0.8
    assert (four["high"] - four["low"]).median() < (one["high"] - one["low"]).median()


def test_an_item_that_was_there_for_a_part_of_the_time_is_measured_by_that_part() -> None:
    made = traffic(21, production=2_000_000, by_chance=2_000_000)
    late = str(made.by_chance.groupby("item")["chosen"].sum().idxmax())
    chance, frames = np.random.default_rng(2), []
    for frame in (made.production, made.by_chance):
        share = np.where(frame["item"] == late, 0.1, 1.0)
        kept = {name: chance.binomial(frame[name].astype(int), share) for name in ("shown", "chosen")}
        frames.append(frame.assign(**{name: count.astype(float) for name, count in kept.items()}))
    available = pd.Series({late: 0.1})
    deserved = deserve(frames[0], frames[1], available)
    late_found = production_bias(deserved, frames[0], available).set_index("item").loc[late]
    whole = biased(made).loc[late]
    assert late_found["raw"] == pytest.approx(whole["raw"], abs=0.25)


def test_comparables_merit_as_much_and_never_are_the_item_itself() -> None:
    made = traffic(30)
    deserved = deserve(made.production, made.by_chance)
    there = np.ones(len(deserved.items), dtype=bool)
    there[:100] = False
    alike = comparables(deserved, made.items[150], there, 10)
    assert len(alike) == 10
    assert made.items[150] not in alike
    assert not set(alike) & set(deserved.items[:100])
    share = pd.Series(deserved.share, index=deserved.items)
    assert np.abs(np.log(share[alike] / share[made.items[150]])).max() < 0.5


def test_four_items_cannot_be_compared() -> None:
    frame = pd.DataFrame({"item": list("abcd"), "position": 1, "shown": 500.0, "chosen": 40.0})
    with pytest.raises(TooFewRows, match="4 items were shown"):
        deserve(frame, None)
