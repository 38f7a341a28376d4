"""A change of exposure is reported if it leads away from expected exposure, not if it leads towards it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from domain.detection.exposure.against_engagement import (
    Against,
    against_engagement,
    leads_away,
    members_of,
    reworded,
)
from domain.detection.exposure.expected_exposure import Deserved, deserve
from domain.values import Finding, Severity, slice_of
from tests.domain.detection.exposed import Traffic, traffic

AT = datetime(2026, 3, 2, tzinfo=UTC)
FEW = 30  # of the items, those that are held down


def changed(observed: float, expected: float) -> Finding:
    return Finding(
        check="bias",
        table="shown",
        slice=slice_of(genre="War"),
        window_start=AT,
        window_end=AT + timedelta(hours=1),
        observed=observed,
        expected=expected,
        p_value=0.0,
        severity=Severity.SEV3,
        title="shown where genre = War: fewer rows",
    )


def held(made: Traffic, production: pd.DataFrame) -> Against:
    deserved = deserve(made.production, made.by_chance)
    found = against_engagement(deserved, production, None, few(deserved))
    assert found is not None
    return found


def few(deserved: Deserved) -> np.ndarray:
    return np.array([str(one) < f"item{FEW:04d}" for one in deserved.items])


def test_items_that_merit_more_than_they_are_shown_together_are_said_to_be_held_down() -> None:
    before, after = traffic(1), traffic(1, held_down=FEW, by=-1.2)
    now = held(before, after.production)
    assert now.high < 0
    assert now.low < np.exp(-1.2) * 1.1 - 1 < now.high + 0.15
    assert leads_away(changed(30, 100), now)
    assert not leads_away(changed(100, 30), now)  # they came closer to their expected exposure


def test_a_change_towards_merit_is_no_finding() -> None:
    before, after = traffic(2, held_down=FEW, by=+1.2), traffic(2)
    now = held(before, after.production)
    assert not leads_away(changed(30, 100), now)


def test_the_interval_of_a_group_holds_the_truth_nine_times_in_ten() -> None:
    inside = 0
    for seed in range(20):
        made = traffic(200 + seed, held_down=FEW, by=-0.8, scatter=0.0)
        deserved = deserve(made.production, made.by_chance)
        found = against_engagement(deserved, made.production, None, few(deserved))
        assert found is not None
        first = np.array([name < f"item{FEW:04d}" for name in made.items])
        weight = np.exp(-made.truth) * _shown(made)
        truth = _shown(made)[first].sum() / weight[first].sum() - 1
        inside += int(found.low <= truth <= found.high)
    assert inside >= 14


def _shown(made: Traffic) -> np.ndarray:
    return made.production.groupby("item")["shown"].sum().loc[made.items].to_numpy()


def test_items_that_nothing_is_known_of_are_not_held_against_anything() -> None:
    made = traffic(3)
    deserved = deserve(made.production, made.by_chance)
    nobody = np.zeros(len(deserved.items), dtype=bool)
    assert against_engagement(deserved, made.production, None, nobody) is None


def test_a_slice_of_two_values_holds_the_items_with_both() -> None:
    described = pd.DataFrame({"genre": ["War", "War", "Drama"], "decade": ["1990s", "2000s", "1990s"]})
    assert members_of(slice_of(genre="War", decade="1990s"), described).tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("before", "words"),
    [
        (Against(-0.02, -0.1, 0.1), "shown 62 % less than their engagement warrants, before that 2 % less"),
        (None, "shown 62 % less than their engagement warrants"),
    ],
)
def test_the_finding_says_how_far_from_merit_it_is_and_was(before: Against | None, words: str) -> None:
    said = reworded(changed(30, 100), Against(-0.62, -0.7, -0.5), before)
    assert said.title == f"shown where genre = War: {words}"
    assert (said.observed, said.expected) == (30, 100)
