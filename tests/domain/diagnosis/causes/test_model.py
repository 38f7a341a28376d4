"""Another model, another file, and what serving does to scores."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from domain.diagnosis.changes.other_model import took_over
from domain.diagnosis.diagnose import diagnose
from domain.diagnosis.material import RANKED_AT
from domain.diagnosis.pairing import AT
from domain.values import slice_of
from tests.domain.diagnosis.shop import (
    BEFORE,
    FEATURES,
    ONSET,
    Shop,
    Weighted,
    catalogue,
    cause_of,
    lowered,
    older,
    serve,
    shop,
)


def test_a_score_that_serving_lowers_is_serving_and_nothing_else() -> None:
    spoilt = shop(scored=lowered)
    found = diagnose(spoilt.material(spoilt.finding(slice_of(category="coffee"))))
    assert cause_of(found) == ("serving", "ranker", slice_of(category="coffee"))
    assert found.cause is not None
    assert "logged minus computed is -1.50" in found.cause
    assert "for 100 % of these candidates, and 0 for the others" in found.cause


def lowered_later(rows: pd.DataFrame) -> pd.DataFrame:
    later = rows[RANKED_AT] >= ONSET + timedelta(minutes=11)
    return rows.assign(log_odds=rows["log_odds"] - 1.5 * ((rows["category"] == "coffee") & later))


def test_a_score_lowered_within_what_was_read_is_said_with_the_time_from_which_on_it_is_so() -> None:
    spoilt = shop(scored=lowered_later)
    found = diagnose(spoilt.material(spoilt.finding(slice_of(category="coffee"))))
    assert found.cause is not None
    assert (
        "than the model's since 2026-05-12 17:31 UTC: logged minus computed is -1.50 log-odds for 100 % of"
        in found.cause
    )


def pinned(rows: pd.DataFrame) -> pd.DataFrame:
    """Two articles that are lifted above all others, whatever the model makes of them."""
    return rows.assign(log_odds=rows["log_odds"] + 4.0 * rows["sku"].isin(PINNED))


PINNED = ("sku-101", "sku-140")


def test_single_items_that_serving_lifts_are_named_themselves_and_no_slice_that_holds_others() -> None:
    spoilt = shop(scored=pinned)
    found = diagnose(spoilt.material(spoilt.finding(slice_of(brand="Boreal"))))
    assert cause_of(found) == ("serving", "ranker", ())
    assert found.cause is not None
    assert "ranks item sku-101 and item sku-140 by another score" in found.cause
    assert "+4.00 log-odds for 100 % of these candidates, and 0 for the others" in found.cause
    assert found.items == PINNED


def test_items_that_serving_has_always_lifted_are_no_cause() -> None:
    since = shop(scored=pinned)
    always = Shop(since.items, serve(catalogue(), Weighted(), BEFORE, 0, scored=pinned), since.now)
    found = diagnose(always.material(always.finding(slice_of(brand="Boreal"), observed=10.0, expected=20.0)))
    assert not [one for one in found.candidates if one.kind == "serving"]


def test_what_a_check_of_the_scores_themselves_finds_is_serving_too() -> None:
    spoilt = shop(scored=lowered)
    finding = spoilt.finding(
        slice_of(category="coffee"),
        table="candidates",
        subject="score",
        unit="rows with another score than the model computes",
        observed=float((spoilt.now["category"] == "coffee").sum()),
        expected=0.0,
    )
    found = diagnose(spoilt.material(finding, cells=None, series=None))
    assert cause_of(found) == ("serving", "ranker", slice_of(category="coffee"))


def test_a_model_rolled_back_is_named_with_its_version_and_what_the_registry_says() -> None:
    spoilt = shop(model=Weighted((1.0, 2.0, 3.0)), candidates=older)
    finding = spoilt.finding(slice_of(category="tea"))
    found = diagnose(spoilt.material(finding, registered="v7"))
    assert cause_of(found) == ("model", "v6", ())
    assert found.cause is not None
    assert "instead of v7" in found.cause
    assert "the registry names v7" in found.cause


def test_a_model_too_old_is_named_where_it_took_a_newer_ones_place() -> None:
    """Where it has served all the time, what is wrong is that none was trained."""
    for spoilt, cause in (
        (shop(model=Weighted((1.0, 2.0, 3.0)), candidates=older), ("model", "v6", ())),
        (shop(), None),
    ):
        age = spoilt.finding(
            (), table="candidates", subject="age", unit="seconds", observed=9e5, expected=9e4
        )
        found = diagnose(spoilt.material(age, cells=None, series=None, fault="model"))
        assert (cause_of(found) if found.cause else None) == cause


def test_another_model_under_the_same_version_is_recognised_by_its_scores() -> None:
    spoilt = shop(model=Weighted((1.0, 2.0, 3.0)))
    found = diagnose(spoilt.material(spoilt.finding(slice_of(category="tea"))))
    assert cause_of(found) == ("model", "v7", ())
    assert found.cause is not None
    assert "Another model than version v7, which the log names" in found.cause
    misses = spoilt.finding((), table="candidates", unit="low-ranked choices", observed=50.0, expected=40.0)
    assert cause_of(diagnose(spoilt.material(misses)))[:2] == ("model", "v7")


def test_another_file_is_recognised_though_most_of_the_time_looked_at_was_before_it() -> None:
    """A check of an hour's window finds it at once; until then the file was the right one."""
    right, other = shop(), shop(model=Weighted((1.0, 2.0, 3.0)))
    half = other.now[AT].quantile(0.7)
    now = pd.concat([right.now[right.now[AT] < half], other.now[other.now[AT] >= half]], ignore_index=True)
    spoilt = replace(other, now=now)
    finding = spoilt.finding(
        (),
        table="candidates",
        subject="log_odds",
        unit="rows with another score",
        observed=900.0,
        expected=0.0,
    )
    found = diagnose(spoilt.material(finding, cells=None, series=None, fault="serving"))
    assert cause_of(found) == ("model", "v7", ())


def test_what_is_compared_with_begins_where_the_version_took_over_that_ranked_last() -> None:
    before = shop().before
    middle = pd.Timestamp(ONSET - timedelta(hours=2))
    in_turn = before.assign(version=np.where(before[AT] < middle, "v6", "v7"))
    start = took_over(in_turn, "version")
    assert start is not None
    assert timedelta(0) <= start - middle < timedelta(minutes=5)
    side_by_side = before.assign(version=np.where(before["basket_id"] % 3, "v6", "v7"))
    assert took_over(side_by_side, "version") is None
    assert took_over(before, "version") is None
    assert took_over(before, None) is None
    assert took_over(before.head(0), "version") is None


def test_a_model_that_serves_from_now_on_is_put_to_the_requests_of_before() -> None:
    """The declared file is the new model; the one of before is gone."""
    newer = Weighted((1.0, 2.0, 3.0))
    spoilt = shop(model=newer, candidates=lambda rows: rows.assign(version="v8"))
    spoilt = Shop(spoilt.items, spoilt.before, spoilt.now, newer)
    found = diagnose(spoilt.material(spoilt.finding(slice_of(category="tea"))))
    assert cause_of(found) == ("model", "v8", ())


def chosen(rows: pd.DataFrame, ranking: Weighted) -> float:
    """What the model that served expects of the six that another one puts first."""
    rank = (
        rows.assign(own=ranking.score(rows[list(FEATURES)])).groupby("basket_id")["own"].rank(ascending=False)
    )
    return float(rows.loc[rank <= 6, "score"].sum())


@pytest.mark.parametrize("declared", ["the new one", "the one of before"])
@pytest.mark.parametrize(("times", "named"), [(1.0, True), (4.0, False)])
def test_where_as_much_is_shown_as_ever_what_the_ranking_cost_is_held_against_what_was_lost(
    declared: str, times: float, named: bool
) -> None:
    newer = Weighted((1.0, 2.0, 3.0))
    spoilt = shop(model=newer, candidates=lambda rows: rows.assign(version="v8"))
    model = newer if declared == "the new one" else Weighted()
    lost = 1 - chosen(spoilt.before, newer) / chosen(spoilt.before, Weighted())
    rate = spoilt.finding((), unit="mean bought", observed=0.4 * (1 - times * lost), expected=0.4)
    found = diagnose(replace(spoilt, model=model).material(rate, cells=None))
    assert (found.cause is not None) == named
    assert (found.candidates[0].kind, found.candidates[0].object) == ("model", "v8")


def test_a_version_is_placed_by_what_was_ranked_since_it_first_did() -> None:
    """Once the other model took over, there were requests of one device only."""
    spoilt = shop(model=Weighted((1.0, 2.0, 3.0)))
    late = spoilt.now[RANKED_AT] >= spoilt.now[RANKED_AT].quantile(0.3)
    now = spoilt.now.assign(version=np.where(late, "v8", "v7"))[late == (spoilt.now["device"] == "web")]
    found = diagnose(replace(spoilt, now=now).material(spoilt.finding(slice_of(category="tea"))))
    assert [one.place for one in found.candidates if one.object == "v8"] == [()]


def test_a_model_file_that_never_served_is_said_and_nothing_is_ranked_again_with_it() -> None:
    spoilt = shop(scored=lowered)
    stranger = Shop(spoilt.items, spoilt.before, spoilt.now, Weighted((0.2, 0.1, 6.0)))
    found = diagnose(stranger.material(stranger.finding(slice_of(category="coffee"))))
    assert found.cause is None
    assert any("it is not the model that serves" in line.statement for line in found.evidence)
