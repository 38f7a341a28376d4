"""Members served first are compared with those not yet served: what fails for few is seen at once."""

from __future__ import annotations

import numpy as np
import pytest

from domain.resolution.held_out import ByMember
from domain.resolution.served_first import fewer, parted

MEMBERS, SHARE = 4_000, 0.05


def read(chance: np.random.Generator, requests: int, failing: np.ndarray | None = None) -> ByMember:
    """Ten rows a request; some members come far more often than others."""
    appetite = np.random.default_rng(2).gamma(1.0, 1.0, MEMBERS)
    came = chance.poisson(requests * appetite / appetite.sum())
    if failing is not None:
        came[failing] = 0
    there = np.flatnonzero(came)
    return ByMember(tuple(f"m{n}" for n in there), 10.0 * came[there])


def without(chance: np.random.Generator) -> np.ndarray:
    return chance.random(MEMBERS) >= SHARE


def of(known: ByMember, waiting: np.ndarray) -> np.ndarray:
    return waiting[[int(member[1:]) for member in known.members]]


@pytest.mark.parametrize("requests", [200, 2_000])
def test_a_hotfix_that_does_nothing_is_seldom_taken_for_harm(requests: int) -> None:
    chance, low = np.random.default_rng(7), 0
    for _ in range(400):
        waiting = without(chance)
        then, now = read(chance, 10 * requests), read(chance, requests)
        found = fewer(parted(then, of(then, waiting)), parted(now, of(now, waiting)), SHARE)
        low += found is not None and found.p_value <= 0.05
    assert low <= 0.07 * 400


@pytest.mark.parametrize(("requests", "surely"), [(200, 1e-2), (700, 1e-5)])
def test_where_who_is_served_gets_no_answer_the_first_minute_shows_it(requests: int, surely: float) -> None:
    chance = np.random.default_rng(11)
    waiting = without(chance)
    then, now = read(chance, 10 * requests), read(chance, requests, ~waiting)
    found = fewer(parted(then, of(then, waiting)), parted(now, of(now, waiting)), SHARE)
    assert found is not None
    assert found.observed == 0
    assert found.p_value < surely


def test_without_a_past_the_share_that_is_served_is_what_is_expected() -> None:
    now = parted(ByMember(("a", "b"), np.array([2.0, 400.0])), np.array([False, True]))
    found = fewer(parted(ByMember((), np.zeros(0)), np.zeros(0, bool)), now, 0.5)
    assert found is not None
    assert found.expected == pytest.approx(400.0)
