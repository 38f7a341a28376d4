"""How alike what is shown becomes under a hotfix, compared with worlds whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from domain.diagnosis.replay import Floats
from domain.resolution.price import price
from tests.domain.resolution.test_price import HURT, calls, raced, staged

TRUE_CALLS, BOOST = 20_000, 3.0


def effective(offer: np.ndarray, shown: Floats) -> float:
    """The effective number of offers, by a world so large that its own requests do not matter."""
    each = np.bincount(np.unique(offer, return_inverse=True)[1], weights=shown)
    return float(shown.sum() ** 2 / (each**2).sum())


def truth() -> float:
    rows = calls(99, TRUE_CALLS)
    offer, pull = rows["offer"].to_numpy(), rows["pull"].to_numpy(np.float64)
    boosted = pull + BOOST * rows["offer"].isin(HURT).to_numpy()
    was, would = (effective(offer, raced(score, TRUE_CALLS)) for score in (pull, boosted))
    return 100 * (would / was - 1)


def test_eight_of_ten_intervals_and_more_hold_how_much_less_diverse_a_boost_makes_it() -> None:
    true, held = truth(), []
    assert true < -20
    for seed in range(1, 21):
        stage = staged(calls(seed, 300), calls(seed + 50, 500))
        found = price(stage, stage.now + BOOST * stage.concerned)
        assert found.diversity is not None
        assert found.diversity.low is not None
        assert found.diversity.high is not None
        assert found.diversity.low < found.diversity.high
        held.append(found.diversity.low <= true <= found.diversity.high)
        assert found.others is not None
        assert found.others.high is not None
        assert found.others.high < 0
    assert np.mean(held) >= 0.8


def test_it_says_how_many_items_there_are_in_effect_and_nothing_where_nothing_changes() -> None:
    stage = staged(calls(1, 300), calls(2, 500))
    boosted = price(stage, stage.now + BOOST * stage.concerned).diversity
    assert boosted is not None
    assert boosted.value is not None
    was, would = (float(part) for part in boosted.basis.removesuffix(" items in effect").split(" → "))
    assert 100 * (would / was - 1) == pytest.approx(boosted.value, abs=1.0)
    same = price(stage, stage.now).diversity
    assert same is not None
    assert same.value is None
