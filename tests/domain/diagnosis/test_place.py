"""The slice of the rows that something happened to, also when they are few."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from domain.diagnosis.place import place_of
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
