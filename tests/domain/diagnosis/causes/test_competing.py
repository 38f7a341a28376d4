"""Candidates of all kinds, and which of them is named."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd

from domain.diagnosis.candidates.table import KINDS
from domain.diagnosis.diagnose import diagnose
from domain.diagnosis.material import Material
from domain.diagnosis.onset import find_onset
from domain.recommender.lineage import Lineage
from domain.values import CauseKind, Finding, slice_of
from tests.domain.diagnosis.shop import (
    NOW,
    ONSET,
    Weighted,
    answer,
    catalogue,
    cause_of,
    delivery,
    older,
    shop,
    unset_taste,
)


def test_where_nothing_changed_nothing_is_named() -> None:
    calm = shop()
    found = diagnose(calm.material(calm.finding(slice_of(category="tea"))))
    assert (found.cause, found.cause_kind) == (None, "unknown")


def test_a_cause_that_came_after_the_onset_is_none() -> None:
    items = catalogue()
    items.loc[items["brand"] == "Boreal", "rating"] *= 10
    spoilt = shop(items)
    taken = delivery(items)
    late = type(taken)(taken.before, taken.after, NOW - timedelta(minutes=5), taken.previous_at)
    found = diagnose(spoilt.material(spoilt.finding(slice_of(brand="Alba")), snapshots=late))
    assert [one for one in found.candidates if answer(one, "when") is False]
    assert found.cause_kind == "unknown"


def test_a_delivery_is_the_cause_where_few_rows_say_only_about_when_the_symptom_began() -> None:
    """Seven rows an hour, and by chance none in the twenty minutes before."""
    items = catalogue()
    items.loc[items["brand"] == "Boreal", "rating"] *= 10
    spoilt = shop(items)
    finding = spoilt.finding(slice_of(brand="Alba"))
    starts = pd.date_range(NOW - timedelta(hours=6), NOW, freq="2min", inclusive="left")
    some = (np.arange(len(starts)) % 4 == 0) & (starts < pd.Timestamp(ONSET - timedelta(minutes=20)))
    sparse = pd.DataFrame({"window_start": starts, "observed": some.astype(float), "expected": 0.25})
    taken = delivery(items)
    onset = find_onset(sparse, finding.change)
    assert onset is not None
    assert onset.since + (finding.window_end - finding.window_start) < taken.delivered_at
    found = diagnose(spoilt.material(finding, snapshots=taken, series=sparse))
    assert cause_of(found) == ("feature", "rating", slice_of(brand="Boreal"))


def test_where_no_cause_is_named_it_is_said_what_would_decide() -> None:
    spoilt = shop(model=Weighted((1.0, 2.0, 3.0)), candidates=older)
    finding = spoilt.finding(slice_of(category="tea"))
    found = diagnose(Material(**{**vars(spoilt.material(finding)), "model": None}))
    assert found.cause is None
    assert [one.kind for one in found.candidates] == ["model"]
    assert found.discriminating_test == "the model of before on the requests of now, and the other way"


def test_every_kind_of_cause_but_the_unknown_has_its_file() -> None:
    from typing import get_args

    assert {kind.name for kind in KINDS} == set(get_args(CauseKind)) - {"unknown"}
    assert all(kind.test for kind in KINDS)


def test_a_finding_says_nothing_of_a_table_that_its_own_is_the_source_of() -> None:
    made = Lineage(made_from={"candidates": frozenset({"shown"})})
    spoilt = shop(fed=unset_taste)
    finding: Finding = spoilt.finding(slice_of(category="tea"))
    found = diagnose(spoilt.material(finding, lineage=made))
    assert all(answer(one, "which_way") is False for one in found.candidates if one.object == "taste")
