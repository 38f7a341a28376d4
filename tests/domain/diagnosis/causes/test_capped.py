"""Limits of how many of a kind a request shows."""

from __future__ import annotations

from itertools import product

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.diagnosis.candidates.capped import MOST, Limit, Shown, limit_of, shown_of
from domain.diagnosis.replay import CandidateColumns, load_traffic
from tests.domain.diagnosis.shop import Weighted

COLUMNS = CandidateColumns("request", "item", "score", ("taste",), shown="shown", top=10)
Floats = npt.NDArray[np.float64]


def requests(shown: Floats, due: float) -> Shown:
    """Requests that show so many each, in each of which ten are `due` by as much a chance."""
    exactly = np.array([1.0])
    for _ in range(10):
        exactly = np.convolve(exactly, [1 - due, due])
    more = 1 - np.cumsum(exactly)[: MOST + 1]
    return Shown(shown, np.tile(more, (len(shown), 1)), np.ones(len(shown)))


def drawn(count: int, due: float, seed: int) -> Floats:
    return np.random.default_rng(seed).binomial(10, due, count).astype(float)


@pytest.mark.parametrize("most", [1, 2, 3])
def test_the_most_that_is_shown_is_a_limit_where_more_was_due(most: int) -> None:
    now, before = drawn(200, 0.4, 1), drawn(400, 0.4, 2)
    capped = requests(np.minimum(now, most), 0.4)
    assert limit_of(capped, requests(before, 0.4), np.ones(200, dtype=bool)) == Limit(most, True)
    assert limit_of(requests(now, 0.4), requests(before, 0.4), np.ones(200, dtype=bool)) is None


def test_a_slice_has_a_limit_of_its_own_where_another_goes_beyond_it() -> None:
    now, held_back = drawn(200, 0.4, 1), np.arange(200) < 100
    capped = requests(np.where(held_back, np.minimum(now, 2), now), 0.4)
    assert limit_of(capped, requests(drawn(400, 0.4, 2), 0.4), held_back) == Limit(2, False)


def test_what_is_left_out_by_chance_has_no_limit() -> None:
    seldom = requests(drawn(200, 0.02, 1), 0.4)
    assert limit_of(seldom, requests(drawn(400, 0.4, 2), 0.4), np.ones(200, dtype=bool)) is None


@given(st.lists(st.floats(-3.0, 3.0), min_size=1, max_size=7), st.integers(0, 5))
def test_the_chance_to_show_more_is_that_of_all_ways_to_show_them(scores: list[float], others: int) -> None:
    """Held against every combination of shown and not shown, one by one."""
    mine = len(scores)
    rows = pd.DataFrame(
        {
            "request": "r",
            "item": [f"i{n}" for n in range(mine + others)],
            "taste": [*scores, *np.zeros(others)],
            "shown": False,
        }
    )
    rows["score"] = 1 / (1 + np.exp(-Weighted((1.0,), features=("taste",)).score(rows[["taste"]])))
    traffic = load_traffic(rows, COLUMNS, Weighted((1.0,), features=("taste",)))
    own = np.arange(len(rows)) < mine
    chances = np.clip(traffic.exposure(traffic.scores(rows)), 0, 1)[own]
    found = shown_of(traffic, own, traffic.scores(rows)).more[0]
    for most in range(MOST + 1):
        ways = (way for way in product((0, 1), repeat=mine) if sum(way) > most)
        due = sum(float(np.prod(np.where(np.array(way) == 1, chances, 1 - chances))) for way in ways)
        assert found[most] == pytest.approx(due, abs=1e-9)
