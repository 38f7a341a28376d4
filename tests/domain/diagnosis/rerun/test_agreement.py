"""Logged scores against computed ones, where what serves changes some of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from domain.diagnosis.rerun.agreement import agree

COMPUTED = np.random.default_rng(3).normal(-0.5, 1.5, 2_000)
CHANCES = expit(COMPUTED)
READINGS = {"score in 64 bits": COMPUTED, "chance in 64 bits": CHANCES}


@pytest.mark.parametrize("times", [0.4, 1.3, 2.2])
def test_a_boost_that_makes_more_than_one_of_some_probabilities_leaves_the_others_the_models(
    times: float,
) -> None:
    boosted = np.arange(len(CHANCES)) % 12 == 0
    logged = np.where(boosted, times * CHANCES, CHANCES)
    assert (logged > 1).any() == (times > 1)
    found = agree(pd.Series(logged), READINGS, "log_odds")
    assert np.array_equal(found.identical, ~boosted)
    assert np.isfinite(found.difference).all()
    assert (np.sign(found.difference[boosted]) == np.sign(times - 1)).all()


def test_log_odds_are_not_taken_for_probabilities() -> None:
    found = agree(pd.Series(COMPUTED), READINGS, "log_odds")
    assert found.reading == "score in 64 bits, of 64 bits"
    assert found.identical.all()
