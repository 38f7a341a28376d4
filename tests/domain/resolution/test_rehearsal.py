"""What is planted is known exactly, and what a hotfix makes of it is counted, not estimated."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from domain.diagnosis.replay import load_traffic
from domain.errors import CannotRehearse
from domain.resolution.rehearsal import shift, unset, version
from domain.resolution.rehearsal.planted import LEAST_EFFECT, Healthy, Versions
from domain.resolution.rehearsal.verdict import missed_by, verdict_of
from domain.values import Estimate

BASIS = "replay of 200 requests"
PROMISE = Estimate(value=90.0, low=80.0, high=100.0, unit="%", basis=BASIS)


@pytest.fixture
def healthy(world: SimpleNamespace) -> Healthy:
    rows = world.candidates_before
    traffic = load_traffic(rows, world.columns, world.model)
    deliveries = {"yesterday": world.before, "today": world.before}
    former = traffic.scores(rows) + 0.1 * rows["popularity"].to_numpy()
    return Healthy(traffic, rows, world.before, "item_id", "films", deliveries, Versions("v8", "v7", former))


@pytest.mark.parametrize("seed", range(5))
def test_a_feature_is_unset_for_some_and_the_values_that_they_had_repair_all_of_it(
    healthy: Healthy, seed: int
) -> None:
    planted = unset.plant(healthy, seed, "language")
    assert abs(planted.effect) >= LEAST_EFFECT
    assert planted.features.loc[planted.concerned, "language_match"].isna().all()
    assert not planted.features.loc[~planted.concerned, "language_match"].isna().any()
    own = healthy.items.set_index("item_id")["language"] if healthy.items is not None else pd.Series()
    values: dict[str, list[str]] = {}
    for item in planted.items:
        values.setdefault(str(own[item]), []).append(item)
    assert planted.repaired(unset.filled({"values": values}, planted)) == pytest.approx(1.0)
    assert planted.repaired(planted.faulty) == 0.0
    assert planted.repaired(unset.rolled_back({"to": "yesterday"}, planted)) == pytest.approx(1.0)


def test_another_value_than_they_had_repairs_another_share(healthy: Healthy) -> None:
    planted = unset.plant(healthy, 1, "language")
    wrong = "Danish" if planted.usual != "Danish" else "French"
    filled = unset.filled({"items": list(planted.items), "value": wrong}, planted)
    assert planted.repaired(filled) != pytest.approx(1.0, abs=1e-6)


def test_a_delivery_that_has_the_fault_or_is_not_kept_brings_nothing_back(
    healthy: Healthy, world: SimpleNamespace
) -> None:
    planted = unset.plant(healthy, 1, "language")
    assert planted.repaired(unset.rolled_back({"to": "last week"}, planted)) == 0.0
    lacking = healthy.items.assign(language=None) if healthy.items is not None else world.before
    faulty = Healthy(healthy.traffic, healthy.pool, healthy.items, "item_id", "films", {"yesterday": lacking})
    again = unset.plant(faulty, 1, "language")
    assert again.repaired(unset.rolled_back({"to": "yesterday"}, again)) == pytest.approx(0.0)


def test_what_was_taken_from_scores_and_added_again_is_repaired_in_full(healthy: Healthy) -> None:
    planted = shift.on_items(1.0)(healthy, 3)
    taken = -float((planted.scores - healthy.scores).min())
    assert planted.repaired(
        shift.boosted({"items": planted.items, "amount": taken}, planted)
    ) == pytest.approx(1.0)
    half = planted.repaired(shift.boosted({"items": planted.items, "amount": taken / 2}, planted))
    assert 0.3 < half < 0.7


def test_what_is_shown_too_much_is_on_as_few_items_as_may_be_taken_out(healthy: Healthy) -> None:
    planted = shift.too_high(20)(healthy, 3)
    assert planted.effect >= LEAST_EFFECT and len(planted.items) <= 20
    assert planted.repaired(shift.blocked({"items": planted.items}, planted)) > 1.0
    assert planted.repaired(shift.blocked({"items": []}, planted)) == 0.0


def test_only_the_version_that_ranked_before_undoes_what_the_newest_learned(healthy: Healthy) -> None:
    planted = version.plant(healthy, 2)
    assert planted.segment is not None and planted.effect <= -LEAST_EFFECT
    whole = planted.repaired(version.rolled_back({"version": "v7"}, planted))
    assert whole == pytest.approx(1.0, abs=0.2)
    assert planted.repaired(version.rolled_back({"version": "v6"}, planted)) == 0.0
    part = planted.repaired(version.split({"version": "v7", "share": 0.25}, planted))
    assert part == pytest.approx(whole / 4)


def test_the_same_seed_plants_the_same_and_nothing_is_left_to_chance_beside_it(healthy: Healthy) -> None:
    for plant in (shift.on_items(None), version.plant, lambda one, seed: unset.plant(one, seed, None)):
        one, again = plant(healthy, 9), plant(healthy, 9)
        assert one.says == again.says
        np.testing.assert_array_equal(one.scores, again.scores)


def test_a_fault_that_nothing_would_show_is_not_planted(healthy: Healthy) -> None:
    with pytest.raises(CannotRehearse, match="nothing would have to be repaired"):
        shift.on_items(1e-6)(healthy, 1)
    with pytest.raises(CannotRehearse, match="made from `country`"):
        unset.plant(healthy, 1, "country")


@pytest.mark.parametrize(
    ("repaired", "verdict", "says"),
    [
        (0.9, "repairs", "90 % of the fault, as promised"),
        (0.8, "repairs", "80 % of the fault, as promised"),
        (0.7, "misses", "70 % of the fault, less than promised"),
        (1.3, "misses", "130 % of the fault, more than promised"),
        (0.01, "nothing", "in force, it repairs nothing of the fault"),
        (-0.5, "nothing", "in force, it repairs less than nothing (-50 %) of the fault"),
    ],
)
def test_the_promise_is_held_against_what_is_known(repaired: float, verdict: str, says: str) -> None:
    assert verdict_of(PROMISE, repaired) == (verdict, says)


def test_all_of_it_is_not_taken_for_more_and_what_has_no_interval_promises_nothing() -> None:
    beyond = PROMISE.model_copy(update={"value": 130.0, "low": 120.0, "high": 140.0})
    assert missed_by(beyond, 1.0) == pytest.approx(-3.0)
    unknown = Estimate(value=None, unit="%", basis="not from the log")
    assert verdict_of(unknown, 1.0) == (
        "impossible", "it repairs 100 % of the fault, and no number is promised: not from the log",
    )  # fmt: skip
