"""A launch against others at the same age."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.detection.exposure.cold_start import alike, cold_start
from domain.errors import TooFewRows


def launches(seed: int, count: int = 12, bins: int = 24, level: float = 120.0) -> pd.DataFrame:
    """Launches that differ by a quarter, in hours of age."""
    chance = np.random.default_rng(seed)
    means = level * chance.lognormal(0, 0.25, count)
    seen = chance.poisson(means[:, None] * np.ones(bins)).astype(float)
    return pd.DataFrame(seen, index=[f"film{n}" for n in range(count)])


def test_a_launch_that_hardly_anybody_sees_is_found_within_its_first_hours() -> None:
    seen = launches(1)
    seen.loc["film0"] = np.round(seen.loc["film0"] * 0.2)
    seen.loc["film0", 6:] = np.nan
    found = cold_start("film0", seen, 1.0)
    assert found.age_hours == 6
    assert found.high < -0.5
    assert found.p_value < 0.01
    assert len(found.compared) == 11


def test_launches_as_usual_are_unusual_no_more_often_than_is_said() -> None:
    found = [
        cold_start(name, seen, 1.0).p_value
        for seed in range(12)
        for seen in (launches(100 + seed),)
        for name in seen.index
    ]
    assert 0.01 < np.mean(np.array(found) < 0.05) < 0.09


def test_only_launches_that_were_that_old_are_compared_with() -> None:
    seen = launches(2)
    seen.loc["film1", 3:] = np.nan  # younger than the one in question
    seen.loc["film2", 0] = np.nan  # launched before the log begins
    found = cold_start("film0", seen, 1.0)
    assert "film1" not in found.compared
    assert "film2" not in found.compared


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 400), st.integers(0, 50))
def test_the_interval_holds_the_ratio_and_shrinks_towards_the_others(shown: int, seed: int) -> None:
    seen = launches(seed, bins=1)
    seen.loc["film0", 0] = float(shown)
    found = cold_start("film0", seen, 1.0)
    raw = (shown + 0.5) / found.expected - 1
    assert found.low <= found.ratio <= found.high
    assert abs(np.log1p(found.ratio)) <= abs(np.log1p(raw)) + 1e-9


def test_too_young_and_too_few_are_said() -> None:
    seen = launches(3, count=3)
    with pytest.raises(TooFewRows, match="2 other launches"):
        cold_start("film0", seen, 1.0)
    seen.loc["film0"] = np.nan
    with pytest.raises(TooFewRows, match="has not been out"):
        cold_start("film0", seen, 1.0)


def test_the_most_alike_come_first_and_what_is_unknown_is_left_out() -> None:
    described = pd.DataFrame(
        {"genre": ["Drama", "Drama", "Horror", None], "rating": [0.5, 0.6, 0.5, 0.5]}, index=list("abcd")
    )
    assert alike("a", described, ["b", "c", "d", "a", "gone"]) == ["d", "b", "c"]
