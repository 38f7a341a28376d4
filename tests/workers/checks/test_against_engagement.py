"""A check of production bias over a shop's tables: an item held down, against its engagement."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest

from domain.detection.exposure.against_engagement import held_against
from domain.detection.judge.state import CheckState, Verdict
from domain.detection.needs import EngagementBefore
from domain.errors import SourceError
from domain.recommender.check import Check
from domain.recommender.recommender import Recommender
from domain.values import Finding, slice_of
from tests.workers.shop import FAULT_AT, HELD_DOWN, write_shop
from workers.checks.backtest import backtest
from workers.checks.check_run import check_run_of, run_check
from workers.checks.plan import Plan, plan
from workers.checks.read import read
from workers.checks.run import FAULT, State, run_checks

HOUR = timedelta(hours=1)


def declared(recommender: Recommender, **keys: object) -> Recommender:
    check = Check(name="bias", kind="production_bias", table="shown", ways=1, **keys)
    return recommender.model_copy(update={"checks": {"bias": check}})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shop")


@pytest.fixture(scope="module")
def shop(folder: Path) -> Recommender:
    return declared(write_shop(folder), dimensions=("item",))


def looked_at(recommender: Recommender) -> list[Finding]:
    state, found = State(), list[Finding]()
    for hours in range(-6, 3):
        result = run_checks(recommender, FAULT_AT + hours * HOUR, state)
        state = result.state
        found += result.findings
    return found


def test_an_item_that_production_holds_down_is_reported_against_what_its_engagement_warrants(
    shop: Recommender,
) -> None:
    found = looked_at(shop)
    assert {one.slice for one in found} == {slice_of(item=HELD_DOWN)}
    assert found[0].window_start == FAULT_AT
    assert f"shown where item = {HELD_DOWN}: shown" in found[0].title
    assert "less than their engagement warrants, before that" in found[0].title


def test_a_backtest_reports_the_same(shop: Recommender) -> None:
    walked = backtest(shop, FAULT_AT - 6 * HOUR, FAULT_AT + 2 * HOUR)
    assert {one.slice for one in walked.findings} == {slice_of(item=HELD_DOWN)}
    assert "than their engagement warrants" in walked.findings[0].title


def then(shop: Recommender, planned: Plan, check: Check, verdict: Verdict) -> Verdict:
    """What comes of a verdict once it is held against engagement."""
    now = check_run_of(shop, planned, planned.grid(FAULT_AT + HOUR))
    now = replace(now, check=check)
    return held_against(now, verdict, read(now, EngagementBefore(), (), CheckState()))


def test_a_change_that_leads_to_what_engagement_warrants_is_not_reported(shop: Recommender) -> None:
    """What is held down falls away from what it earns: the same rows, said to be more, would lead to it."""
    planned = plan(shop, shop.checks["bias"])
    verdict = run_check(shop, planned, FAULT_AT + HOUR, CheckState())
    (fell,) = verdict.findings
    rose = fell.model_copy(update={"expected": fell.observed / 3})
    upside = verdict.model_copy(update={"findings": (rose,)})
    assert then(shop, planned, planned.check, upside).findings == ()


def test_what_chance_shows_less_too_is_no_bias_of_production(tmp_path: Path) -> None:
    """It left a shelf, say: nobody is shown it any more, whether production picks or chance does."""
    shop = declared(write_shop(tmp_path), dimensions=("item",))
    shown = pd.read_parquet(tmp_path / "shown.parquet")
    by_chance = (shown["item"] == HELD_DOWN) & shown["explored"] & (shown["at"] >= FAULT_AT)
    shown[~by_chance].to_parquet(tmp_path / "shown.parquet", index=False)
    assert looked_at(shop) == []


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"dimensions": ("device",)}, '"device" is no property of items'),
        ({"table": "candidates", "dimensions": ("item",)}, 'write table = "shown"'),
    ],
)
def test_a_check_that_engagement_says_nothing_of_is_told_what_to_write(
    shop: Recommender, keys: dict[str, object], says: str
) -> None:
    planned = plan(shop, shop.checks["bias"])
    (fell,) = run_check(shop, planned, FAULT_AT + HOUR, CheckState()).findings
    verdict = run_check(shop, planned, FAULT_AT + HOUR, CheckState())
    wrong = planned.check.model_copy(update=keys)
    off = verdict.model_copy(update={"findings": (fell.model_copy(update={"slice": slice_of(device="tv")}),)})
    with pytest.raises(SourceError) as raised:
        then(shop, planned, wrong, off)
    assert says in str(raised.value)


def test_it_needs_what_was_shown_and_chosen_to_be_declared(shop: Recommender) -> None:
    result = run_checks(shop.model_copy(update={"exposure": None}), FAULT_AT + HOUR)
    assert [one.subject for one in result.findings] == [FAULT]
    assert "declare [exposure]" in result.findings[0].title
