"""Harm is detected within two looks, and chance hardly ever mistaken for it, however often one looks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.detection.judge.harm import LEAST_HARM, WatchedWindow, harmful
from domain.values import Finding

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DROP = Finding(
    check="impressions_by_slice",
    table="impressions",
    window_start=NOON - MINUTE,
    window_end=NOON,
    observed=50,
    expected=100,
    low=90,
    high=110,
    p_value=1e-9,
    severity="SEV2",
    title="impressions: 50 % fewer rows",
)
HALF = 0.2
"""Half of the 95 % interval of the repaired share, at the deployment and after it."""


def look(minute: float, repaired: float, half: float = HALF) -> WatchedWindow:
    start = NOON + minute * MINUTE
    return WatchedWindow(start, start + MINUTE, repaired, half)


def test_two_looks_in_a_row_show_harm_that_one_alone_does_not() -> None:
    first, second = look(0, -0.5), look(1, -0.5)
    assert harmful(DROP, [first], 1) == ()
    assert harmful(DROP, [first, second], 2) == (first, second)


def test_one_look_is_enough_where_it_is_far_beyond() -> None:
    assert harmful(DROP, [look(0, -1.2)], 1) == (look(0, -1.2),)


def test_windows_with_rows_in_common_are_no_two_looks() -> None:
    assert harmful(DROP, [look(0, -0.5), look(0.99, -0.5)], 2) == ()


def test_a_good_look_in_between_ends_the_row() -> None:
    assert harmful(DROP, [look(0, -0.5), look(1, 0.3), look(2, -0.5)], 3) == ()
    assert harmful(DROP, [look(0, -0.5), look(1, 0.3), look(2, -0.5), look(3, -0.5)], 4) != ()


def test_a_gap_that_grows_by_less_than_a_tenth_is_no_harm_however_sure_it_is() -> None:
    sharp = DROP.model_copy(update={"low": 99.9, "high": 100.1})
    grown = [look(n, 0.01 - LEAST_HARM, 1e-4) for n in range(2)]
    assert harmful(sharp, grown, 2) == ()
    assert harmful(sharp, [look(n, -0.01 - LEAST_HARM, 1e-4) for n in range(2)], 2) != ()


def test_a_gap_that_was_hardly_known_at_the_deployment_is_not_said_to_have_grown() -> None:
    looks = [look(0, -0.5), look(1, -0.5)]
    blurred = DROP.model_copy(update={"low": 60, "high": 140})
    assert harmful(blurred, looks, 2) == ()
    unknown = DROP.model_copy(update={"low": None, "high": None})  # as blurred as the looks are
    assert harmful(unknown, looks, 2) == tuple(looks)


@pytest.mark.parametrize("unchanged", [0.0, 0.9])
def test_in_a_hundred_hotfixes_that_do_no_harm_chance_reverts_about_one_at_the_most(unchanged: float) -> None:
    """A thousand looks at each of 400 hotfixes, with the chance of the windows and of the gap itself."""
    chance, reverted = np.random.default_rng(7), 0
    for _ in range(400):
        then = chance.normal(0, HALF / 1.96)
        shares = unchanged + then + chance.normal(0, HALF / 1.96, 1000)
        looks = [look(n, float(share)) for n, share in enumerate(shares)]
        reverted += any(harmful(DROP, looks[max(0, n - 1) : n + 1], n + 1) for n in range(len(looks)))
    assert reverted <= 8  # 1 % of 400 is 4; more than 8 would come in one run of fifty


def test_harm_that_begins_late_is_detected_within_two_looks_as_well() -> None:
    good = [look(n, 0.9) for n in range(5000)]
    harmed = [look(5000 + n, -0.9) for n in range(2)]
    assert harmful(DROP, [*good, *harmed], 20_000) == tuple(harmed)


def test_looks_that_overlap_spend_no_more_than_their_window_and_harm_is_seen_as_soon() -> None:
    """Nearly all that was left is gone: found by the third window, too late where each look spends alone."""
    harmed = [look(n / 4, -0.32, 0.14) for n in range(5)]
    known = DROP.model_copy(update={"low": 93, "high": 107})
    assert harmful(known, harmed, 9) == ()
    assert harmful(known, harmed, 3, often=4) == (harmed[0], harmed[4])


def test_in_a_hundred_hotfixes_looks_that_overlap_revert_about_one_at_the_most() -> None:
    """Four looks a window for two hundred windows at each of 400 hotfixes that change nothing."""
    chance, reverted = np.random.default_rng(8), 0
    for _ in range(400):
        then = chance.normal(0, HALF / 1.96)
        quarters = chance.normal(0, 2 * HALF / 1.96, 803)
        shares = then + np.convolve(quarters, np.ones(4) / 4, "valid")
        looks = [look(n / 4, float(share)) for n, share in enumerate(shares)]
        found = (harmful(DROP, looks[max(0, n - 4) : n + 1], 1 + n // 4, often=4) for n in range(len(looks)))
        reverted += any(found)
    assert reverted <= 8  # as above


@given(st.lists(st.floats(-LEAST_HARM / 2, 3.0), min_size=1, max_size=30), st.integers(1, 10_000))
def test_what_did_not_become_worse_is_never_harm(shares: list[float], nth: int) -> None:
    assert harmful(DROP, [look(n, share) for n, share in enumerate(shares)], nth) == ()
