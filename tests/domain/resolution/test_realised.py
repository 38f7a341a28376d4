"""What everybody gained or lost under a hotfix: nine of ten intervals hold the truth, and none is narrow."""

from __future__ import annotations

import numpy as np
import pytest

from domain.resolution.realised import Chosen, Pair, realised


def pair(rng: np.random.Generator, change: float, day_to_day: float) -> Pair:
    """Two spans of 2,000 and 3,000 requests, the second in the evening; days differ in how much it adds."""
    evening = 1.6 * np.exp(rng.normal(0, day_to_day)) * (1 + change)
    return (
        Chosen(float(rng.poisson(2_000 * 0.1)), 2_000),
        Chosen(float(rng.poisson(3_000 * 0.1 * evening)), 3_000),
    )


@pytest.mark.parametrize("day_to_day", [0.0, 0.05, 0.2])
@pytest.mark.parametrize("change", [-0.3, 0.0, 0.2])
@pytest.mark.parametrize("days", [3, 7])
def test_nine_of_ten_intervals_hold_the_truth(change: float, day_to_day: float, days: int) -> None:
    rng = np.random.default_rng(11)
    held = 0
    for _ in range(400):
        earlier = [pair(rng, 0.0, day_to_day) for _ in range(days)]
        found = realised(pair(rng, change, day_to_day), earlier, "% loans")
        assert found.low is not None
        assert found.high is not None
        assert found.low < found.high
        held += found.low <= 100 * change <= found.high
    assert 0.86 <= held / 400 <= 0.985


def test_a_day_of_it_is_counted_where_a_day_is_known_and_else_a_share_is_given() -> None:
    flat = [(Chosen(1_000, 5_000), Chosen(1_000 + n, 5_000)) for n in (-20, 0, 20)]
    now = (Chosen(1_000, 5_000), Chosen(900, 5_000))
    daily = realised(now, flat, "loans a day", 40_000.0)
    share = realised(now, flat, "loans a day")
    assert (daily.unit, share.unit) == ("loans a day", "% loans")
    assert daily.value == pytest.approx(400 * (share.value or 0.0))


def test_a_span_in_which_nothing_was_chosen_says_nothing() -> None:
    flat = [(Chosen(1_000, 5_000), Chosen(1_000, 5_000))] * 5
    assert realised((Chosen(0, 5_000), Chosen(900, 5_000)), flat, "% loans").value is None
    assert realised((Chosen(1_000, 5_000), Chosen(900, 5_000)), [], "% loans").value is None
