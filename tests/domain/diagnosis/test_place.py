"""The slice of the rows that something happened to, also when they are few."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from domain.diagnosis.place import inside, place_of, place_or_items
from domain.values import Slice, slice_of

NAMES = ("quay", "crane")
NORTH = slice_of(quay="north")


def loads(each: int) -> pd.DataFrame:
    """As many loads of each crane of each quay."""
    cells = [(quay, crane) for quay in ("north", "east", "south", "west") for crane in ("a", "b", "c")]
    return pd.DataFrame(cells * each, columns=list(NAMES))


def first(rows: pd.DataFrame, where: Slice, count: int) -> np.ndarray:
    held = np.logical_and.reduce([rows[name] == value for name, value in where])
    return np.asarray(held & (np.cumsum(held) <= count))


@pytest.mark.parametrize("where", [NORTH, slice_of(crane="b"), slice_of(crane="c", quay="west")])
def test_of_many_hits_their_own_slice_is_named_whatever_was_found(where: Slice) -> None:
    rows = loads(60)
    hit = first(rows, where, 60)
    assert place_of(rows, hit, NAMES).slice == where
    assert place_of(rows, hit, NAMES, found=slice_of(quay="south")).slice == where


def test_of_a_few_hits_the_slice_is_named_in_which_something_was_found() -> None:
    rows = loads(8)
    hit = first(rows, NORTH, 6)
    assert place_of(rows, hit, NAMES).slice == ()
    placed = place_of(rows, hit, NAMES, found=NORTH)
    assert (placed.slice, placed.held) == (NORTH, 1.0)
    assert placed.purity == 6 / 24


def test_a_few_hits_that_lie_elsewhere_too_are_not_put_where_something_was_found() -> None:
    rows = loads(8)
    hit = first(rows, NORTH, 4) | first(rows, slice_of(quay="east"), 3)
    assert place_of(rows, hit, NAMES, found=NORTH).slice == ()


def test_a_slice_that_the_rows_cannot_tell_apart_says_nothing() -> None:
    rows = loads(8)
    hit = first(rows, NORTH, 6)
    assert place_of(rows, hit, NAMES, found=slice_of(ship="gull", quay="north")).slice == ()


def of_ships(count: int, each: int) -> pd.DataFrame:
    """As many loads of each ship, which always berths at one quay; its crane is another each time."""
    ships = [f"ship-{n}" for n in range(count)]
    rows = pd.DataFrame({"ship": np.repeat(ships, each), "quay": np.repeat(np.arange(count) % 40, each)})
    return rows.assign(crane=np.tile(["a", "b", "c"], len(rows))[: len(rows)])


@pytest.mark.parametrize("hit", [["ship-7"], ["ship-7", "ship-12"], ["ship-3", "ship-43", "ship-12"]])
def test_of_a_few_whole_items_these_are_named_and_not_a_slice_that_holds_others(hit: list[str]) -> None:
    rows = of_ships(120, 30)
    placed = place_or_items(rows, rows["ship"].isin(hit).to_numpy(), NAMES, "ship")
    assert (placed.slice, placed.items) == ((), tuple(sorted(hit)))
    assert (placed.purity, placed.held) == (1.0, 1.0)


def test_of_many_items_of_a_slice_the_slice_is_named_though_some_of_them_are_not_hit() -> None:
    rows = of_ships(400, 30)
    held = inside(rows, slice_of(quay="5"))
    spared = rows["ship"] == "ship-5"
    placed = place_or_items(rows, held & ~spared.to_numpy(), NAMES, "ship")
    assert (placed.slice, placed.items) == (slice_of(quay="5"), ())
    assert (placed.purity, placed.held) == (0.9, 1.0)


@pytest.mark.parametrize("each", [1, 3, 30])
@pytest.mark.parametrize("share", [0.7, 1.0])
def test_rows_that_are_hit_whatever_their_item_are_placed_as_rows(each: int, share: float) -> None:
    rows = of_ships(1200 // each, each)
    hit = inside(rows, slice_of(crane="b")) & (np.random.default_rng(each).uniform(size=len(rows)) < share)
    placed = place_or_items(rows, hit, NAMES, "ship")
    assert placed == place_of(rows, hit, NAMES)
    assert placed.slice == slice_of(crane="b")
