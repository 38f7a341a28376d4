"""A bundle stays within its limit; what was sampled is complete in itself, and the bundle says so."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.diagnosis.bundle.freeze import freeze
from domain.diagnosis.bundle.sample import ROOM, group_of, sampled, shares_to_keep
from domain.errors import BundleError
from tests.domain.diagnosis.bundle.materials import full

NAMES = ("candidates", "candidates_before", "items", "snapshots.after", "rows.frame", "pairs.0.mine")
SIZES = st.dictionaries(st.sampled_from(NAMES), st.integers(1, 10_000))


@given(SIZES, st.integers(0, 1_000), st.integers(1_001, 20_000))
def test_what_is_kept_fits_and_no_more_is_left_out_than_has_to_be(
    sizes: dict[str, int], whole: int, limit: int
) -> None:
    shares = shares_to_keep({**sizes, "cells": whole}, limit)
    kept = {name: size * shares.get(group_of(name) or "", 1.0) for name, size in sizes.items()}
    assert whole + sum(kept.values()) <= limit * 1.000001
    if shares:
        assert whole + sum(kept.values()) >= ROOM * (limit - whole) * 0.999
    else:
        assert whole + sum(sizes.values()) <= limit


def test_what_cannot_be_sampled_and_is_too_large_is_refused_with_what_to_do() -> None:
    with pytest.raises(BundleError, match="raise limit_mb"):
        shares_to_keep({"cells": 100, "candidates": 5}, 90)


def test_requests_are_kept_whole_and_the_same_items_in_each_delivery() -> None:
    frozen = freeze(full())
    thin, words = sampled(frozen, {"candidates": 0.3, "items": 0.5, "rows": 0.4}, 7)
    for name in ("candidates", "candidates_before"):
        before, after = frozen.frames[name], thin.frames[name]
        requests = set(after["basket_id"])
        assert 0.2 < len(requests) / before["basket_id"].nunique() < 0.4
        assert after.equals(before[before["basket_id"].isin(requests)])
    items = [set(thin.frames[name]["sku"]) for name in ("items", "snapshots.before", "snapshots.after")]
    assert items[0] == items[1] == items[2]
    mine = thin.frames["pairs.0.mine"].set_index(["basket_id", "sku"]).index
    theirs = thin.frames["pairs.0.theirs"].set_index(["basket_id", "sku"]).index
    kept = frozen.frames["pairs.0.theirs"].set_index(["basket_id", "sku"]).index
    assert set(theirs) == set(mine) & set(kept)
    assert thin.frames["cells"] is frozen.frames["cells"]
    assert any(line.startswith("candidates: ") and "by basket_id" in line for line in words)
    assert sampled(frozen, {"candidates": 0.3, "items": 0.5, "rows": 0.4}, 7)[1] == words
