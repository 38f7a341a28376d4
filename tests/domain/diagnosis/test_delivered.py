"""Which feature a delivery broke, in catalogues where every delivery moves many features of all items."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from domain.diagnosis.changes.delivered import MOST, SURE, Delivered, by_how_much, delivered
from domain.values import slice_of

COUNT = 600
STEADY = tuple(f"fixed {n}" for n in range(8))
DRIFTING = tuple(f"drifting {n}" for n in range(8))
COUNTERS = tuple(f"counted {n}" for n in range(4))
TEXTS = tuple(f"label {n}" for n in range(4))
FEATURES = (*DRIFTING, *COUNTERS, *TEXTS, *STEADY)

Bools = npt.NDArray[np.bool_]
Strike = Callable[[pd.DataFrame, pd.DataFrame, Bools], object]


def catalogue(seed: int) -> tuple[pd.DataFrame, pd.DataFrame, Bools]:
    """
    Items before and after a healthy delivery, and which of them lie on one shelf.

    Shelves differ by nature: what is on one of them is larger, and counted more often.
    """
    chance = np.random.default_rng(seed)
    shelf = chance.integers(0, 6, COUNT)
    nature = 0.8 * chance.normal(size=6)[shelf]
    before: dict[str, Any] = {
        "key": [f"k{n}" for n in range(COUNT)],
        "shelf": [f"shelf {n}" for n in shelf],
    }
    after = dict(before)
    for name in FEATURES:
        values = nature + chance.normal(size=COUNT)
        if name in DRIFTING:
            before[name], after[name] = values, values + 0.1 + 0.1 * chance.normal(size=COUNT)
        elif name in COUNTERS:
            counts = np.round(np.exp(4 + values))
            before[name], after[name] = counts, counts + chance.poisson(0.1 * counts)
        elif name in TEXTS:
            words = np.array(["a", "b", "c", "d"])[np.clip(np.round(values + 1.5), 0, 3).astype(int)]
            before[name] = words
            after[name] = np.where(chance.random(COUNT) < 0.05, chance.permutation(words), words)
        else:
            before[name] = after[name] = values
    return pd.DataFrame(before), pd.DataFrame(after), shelf == 2


def found(before: pd.DataFrame, after: pd.DataFrame, mine: Bools) -> tuple[Delivered, ...]:
    labels = before[["key", "shelf"]]
    return delivered(before, after, "key", FEATURES, list(before["key"][mine]), labels)


def lose(name: str) -> Strike:
    return lambda before, after, mine: after.__setitem__(name, after[name].mask(mine))


def shift(name: str) -> Strike:
    return lambda before, after, mine: after.__setitem__(name, after[name] + 2.0 * after[name].std() * mine)


def scale(name: str) -> Strike:
    return lambda before, after, mine: after.__setitem__(name, after[name].mask(mine, 10 * after[name]))


def leave(name: str) -> Strike:
    return lambda before, after, mine: after.__setitem__(name, after[name].mask(mine, before[name]))


def swap(one: str, other: str) -> Strike:
    def strike(before: pd.DataFrame, after: pd.DataFrame, mine: Bools) -> None:
        first, second = after[one].copy(), after[other].copy()
        after[one], after[other] = first.mask(mine, second), second.mask(mine, first)

    return strike


STRUCK: dict[str, tuple[Strike, tuple[str, ...], str]] = {
    "a number that is not set": (lose("drifting 3"), ("drifting 3",), "is not set"),
    "a text that is not set": (lose("label 2"), ("label 2",), "is not set"),
    "a counter that is not set": (lose("counted 1"), ("counted 1",), "is not set"),
    "a shift of what drifts": (shift("drifting 5"), ("drifting 5",), "higher than it was"),
    "a shift of what is fixed": (shift("fixed 5"), ("fixed 5",), "higher than it was"),
    "another unit": (scale("drifting 0"), ("drifting 0",), "times what it was"),
    "another unit of a counter": (scale("counted 3"), ("counted 3",), "times what it was"),
    "a feature that is stale": (leave("drifting 7"), ("drifting 7",), "is stale"),
    "a counter that stands still": (leave("counted 0"), ("counted 0",), "is stale"),
    "two that changed places": (swap("fixed 1", "drifting 1"), ("fixed 1", "drifting 1"), "is another"),
}


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("what", STRUCK)
def test_the_feature_that_was_struck_comes_first_among_many_that_move(what: str, seed: int) -> None:
    strike, names, words = STRUCK[what]
    before, after, mine = catalogue(seed)
    strike(before, after, mine)
    first, *_ = found(before, after, mine)
    assert first.feature in names
    assert words in first.words
    assert first.placed.slice == (("shelf", "shelf 2"),)
    assert first.apart >= SURE


def test_a_delivery_that_moves_everything_as_usual_broke_nothing() -> None:
    deliveries = [found(*catalogue(seed)) for seed in range(100, 112)]
    surprising = [one for changes in deliveries for one in changes if one.apart >= SURE]
    assert len(surprising) <= 1  # p is 1 % over all features of one delivery
    assert all(len(changes) <= MOST for changes in deliveries)


def test_what_is_first_depends_on_no_name_and_no_order() -> None:
    before, after, mine = catalogue(4)
    scale("fixed 2")(before, after, mine)
    labels, keys = before[["key", "shelf"]], list(before["key"][mine])
    plain = delivered(before, after, "key", FEATURES, keys, labels)
    turned = delivered(before, after, "key", FEATURES[::-1], keys, labels)
    names = {name: f"x{place}" for place, name in enumerate(FEATURES)}
    was, now = (frame.rename(columns=names) for frame in (before, after))
    renamed = delivered(was, now, "key", list(names.values()), keys, labels)
    assert turned[0] == plain[0]
    assert renamed[0].feature == names[plain[0].feature] == names["fixed 2"]


def test_items_that_another_ones_fault_pushed_out_still_lead_to_that_fault() -> None:
    before, after, mine = catalogue(5)
    scale("drifting 2")(before, after, mine)
    victims = (before["shelf"] == "shelf 4").to_numpy()
    changes = found(before, after, victims)
    assert "drifting 2" in [one.feature for one in changes]
    (change,) = [one for one in changes if one.feature == "drifting 2"]
    assert change.placed.slice == (("shelf", "shelf 2"),)


def test_a_column_that_is_in_another_unit_everywhere_is_hit_everywhere() -> None:
    before, after, mine = catalogue(6)
    after["drifting 4"] *= 1_000
    changes = found(before, after, mine)
    (change,) = [one for one in changes if one.feature == "drifting 4"]
    assert len(change.items) > 0.9 * COUNT
    assert change.placed.slice == ()


def test_two_values_that_changed_places_are_identified_by_name_though_most_of_both_lie_in_one_slice() -> None:
    chance = np.random.default_rng(5)
    aisle = chance.choice([f"aisle {n}" for n in range(8)], COUNT)
    before = pd.DataFrame({"key": [f"k{n}" for n in range(COUNT)], "aisle": aisle})
    after = before.replace({"aisle": {"aisle 1": "aisle 2", "aisle 2": "aisle 1"}})
    hit = before["aisle"].isin(["aisle 1", "aisle 2"])
    labels = before[["key"]].assign(
        origin=np.where(chance.random(COUNT) < 0.55 + 0.3 * hit, "here", "abroad")
    )
    first, *_ = delivered(before, after, "key", ("aisle",), list(before["key"][hit]), labels)
    assert first.placed.slice in ((("aisle", "aisle 1"),), (("aisle", "aisle 2"),))
    assert first.placed.purity == 1.0


def test_what_is_stale_is_put_right_by_what_comparable_items_moved() -> None:
    before, after, mine = catalogue(7)
    should = after["drifting 6"].copy()
    leave("drifting 6")(before, after, mine)
    first, *_ = found(before, after, mine)
    assert first.stale
    assert set(first.items) == set(before["key"][mine])
    off = [
        float(first.right[key]) - value for key, value in zip(before["key"][mine], should[mine], strict=True)
    ]
    assert abs(float(np.mean(off))) < 0.05  # of a drift of 0.1 that they missed


def test_a_delivery_without_items_in_common_broke_nothing() -> None:
    before, after, mine = catalogue(8)
    assert found(before, after.assign(key=after["key"] + "b"), mine) == ()


def test_a_feature_that_only_one_delivery_has_is_left_out() -> None:
    before, after, mine = catalogue(9)
    lose("fixed 0")(before, after, mine)
    assert "fixed 0" not in [one.feature for one in found(before.drop(columns="fixed 0"), after, mine)]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ([1.0, 2.0, 3.0], [100.0, 200.0, 300.0], "is 100 times what it was"),
        ([50.0, 50.1, 49.9], [50.5, 50.6, 50.4], "is 0.5 higher than it was"),
        ([50.0, 50.1, 49.9], [49.5, 49.6, 49.4], "is 0.5 lower than it was"),
        ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [4.0, 6.0, 2.0, 1.0, 3.0, 5.0], "is another"),
        ([-1.0, 0.0, 1.0], [-10.0, 0.0, 10.0], "is 10 times what it was"),
    ],
)
def test_how_much_another_is_said_by_a_factor_or_by_a_step(
    old: list[float], new: list[float], words: str
) -> None:
    assert by_how_much(np.array(old), np.array(new)) == words


PER_DOLLAR = {"USD": 1.0, "MXN": 18.4, "CRC": 505.0, "COP": 3_950.0}


def prices() -> pd.DataFrame:
    """Rooms whose price says in which currency it is: hardly two of different ones are of one size."""
    chance = np.random.default_rng(5)
    currency = chance.choice(list(PER_DOLLAR), COUNT, p=[0.3, 0.35, 0.15, 0.2])
    dollars = 90 * np.exp(0.3 * chance.normal(size=COUNT))
    price = dollars * np.vectorize(PER_DOLLAR.__getitem__)(currency)
    return pd.DataFrame({"key": [f"r{n}" for n in range(COUNT)], "currency": currency, "price": price})


@pytest.mark.parametrize("currency", PER_DOLLAR)
def test_a_factor_that_hits_all_prices_of_one_size_is_not_taken_for_their_usual_step(currency: str) -> None:
    before = prices()
    hit = before["currency"] == currency
    moved = before["price"] * np.where(np.arange(COUNT) % 20, 1.0, 1.03)
    after = before.assign(price=moved * np.where(hit, 100.0, 1.0))
    (change,) = delivered(before, after, "key", ("price",), labels=before[["key", "currency"]])
    assert set(before["key"][hit]) <= set(change.items)
    assert change.placed.slice == slice_of(currency=currency)
    assert (change.count, change.size) == (hit.sum(), hit.sum())
    assert change.words == "is 100 times what it was"
