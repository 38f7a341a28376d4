"""A gap in few logged requests, known better by what the check counted."""

from __future__ import annotations

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from domain.diagnosis.candidates.undone import Gap
from domain.diagnosis.metric import Metric
from domain.values import slice_of

NORTH = slice_of(region="north")
COUNTS = st.floats(30, 1e6)


def metric(observed: float, expected: float) -> Metric:
    others = [
        {"region": name, "observed": 1_000.0, "expected": 1_000.0} for name in ("south", "east", "west")
    ]
    cells = pd.DataFrame([{"region": "north", "observed": observed, "expected": expected}, *others])
    return Metric(cells, ("region",))


@given(COUNTS, COUNTS, st.floats(0.01, 9), st.floats(0, 9), st.floats(0.01, 2), st.floats(0.001, 1))
def test_it_lies_between_what_both_say_and_is_no_less_sure(
    observed: float, expected: float, shown: float, then: float, sd: float, spread: float
) -> None:
    gap = Gap(shown, then, shown, sd)
    found = metric(observed, expected).sharpened(gap, NORTH, spread)
    counted = shown * (expected / observed - 1)
    low, high = sorted((then - shown, counted))
    assert low - 1e-9 <= found.expected - found.observed <= high + 1e-9
    assert found.sd <= sd
    assert (found.observed, found.undone) == (shown, shown)


def test_where_the_log_clearly_says_otherwise_the_log_alone_counts() -> None:
    """Half of the rows are lost on the way: as much is shown a request as ever."""
    gap = Gap(2.0, 2.0, 2.0, 0.01)
    assert metric(500, 1_000).sharpened(gap, NORTH, 0.01) is gap


def test_where_the_log_says_little_the_counts_do() -> None:
    few = Gap(0.45, 0.12, 0.12, 0.2)
    found = metric(3_440, 1_000).sharpened(few, NORTH, 0.05)
    assert few.closed is None
    assert found.closed is not None
    assert 0.9 < found.closed < 1.1


def test_a_slice_that_is_not_counted_changes_nothing() -> None:
    gap = Gap(0.45, 0.12, 0.12, 0.2)
    assert metric(3_440, 1_000).sharpened(gap, slice_of(device="tv"), 0.05) is gap
    assert metric(0, 1_000).sharpened(gap, NORTH, 0.05) is gap
