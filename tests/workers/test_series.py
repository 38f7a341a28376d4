"""A metric of a table from its declaration to its incident."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from domain.recommender.recommender import Recommender
from domain.values import Finding
from tests.workers.checks.test_run import DAY, HOUR, MINUTE, START, write
from workers.checks.backtest import BacktestResult, backtest
from workers.checks.measure import measure
from workers.checks.plan import plan
from workers.checks.run import State, run_checks
from workers.declaration.own_keys import own_keys_apart

FAULT_AT, FIXED_AT = START + 24 * DAY + 7 * HOUR, START + 24 * DAY + 17 * HOUR
UNTIL = START + 26 * DAY


def plays(until: pd.Timestamp | None = None) -> pd.DataFrame:
    """Four weeks of plays as many as ever; for ten hours they last less than half as long."""
    chance = np.random.default_rng(3)
    hours = round((UNTIL - START) / HOUR)
    at = START + pd.to_timedelta(np.sort(chance.uniform(0, hours * 3_600, hours * 40)), unit="s")
    minutes = chance.gamma(4, 5, len(at))
    frame = pd.DataFrame({"at": at, "minutes": minutes})
    frame.loc[(frame["at"] >= FAULT_AT) & (frame["at"] < FIXED_AT), "minutes"] *= 0.4
    frame["country"], frame["device"] = "France", "tv"
    return frame if until is None else frame[frame["at"] < until]


def declared(folder: Path, frame: pd.DataFrame, **more: object) -> Recommender:
    shop = write(folder, frame)
    check = {"name": "length", "kind": "series", "table": "views", "measure": "minutes", "aggregate": "mean"}
    return Recommender.model_validate({**shop.model_dump(), "checks": {"length": {**check, **more}}})


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Recommender:
    return declared(tmp_path_factory.mktemp("shop"), plays())


@pytest.fixture(scope="module")
def walked(shop: Recommender) -> BacktestResult:
    return backtest(shop, FAULT_AT - DAY, UNTIL)


def test_one_fault_is_one_incident_from_its_first_hour_and_has_an_end(walked: BacktestResult) -> None:
    (incident,) = walked.incidents
    assert incident.title == "views: mean minutes 60 % lower than usual at this time"
    assert incident.opened_at == FAULT_AT + HOUR
    assert incident.ended_at is not None
    assert FIXED_AT < incident.ended_at <= FIXED_AT + 12 * HOUR
    assert walked.looks == round((UNTIL - FAULT_AT + DAY) / HOUR)


def test_live_looks_find_what_the_backtest_finds(shop: Recommender, walked: BacktestResult) -> None:
    state, found = State(), list[Finding]()
    for hour in range(-2, 3):
        result = run_checks(shop, FAULT_AT + hour * HOUR + 5 * MINUTE, state)
        state = State.model_validate_json(result.state.model_dump_json())
        found += result.findings
    assert tuple(found) == walked.findings[: len(found)]
    assert len(found) == 2


def test_the_past_does_not_depend_on_the_future(walked: BacktestResult, tmp_path: Path) -> None:
    cut = FAULT_AT + 3 * HOUR
    shorter = declared(tmp_path, plays(pd.Timestamp(cut)))
    past = backtest(shorter, FAULT_AT - DAY, cut).findings
    assert past == tuple(one for one in walked.findings if one.window_end <= cut)
    assert len(past) == 3


def test_the_metric_is_measured_against_the_time_before_it(shop: Recommender, walked: BacktestResult) -> None:
    finding = walked.findings[0]
    still = measure(shop, finding, FIXED_AT - 2 * HOUR, FIXED_AT)
    fixed = measure(shop, finding, FIXED_AT, FIXED_AT + 5 * HOUR)
    assert not still.within
    assert abs(still.repaired(finding)) < 0.15
    assert fixed.within
    assert abs(fixed.repaired(finding) - 1) < 0.15


def test_how_far_back_it_learns_suits_the_window_and_slices_only_those_declared(shop: Recommender) -> None:
    check = shop.checks["length"]
    reach = {
        window: plan(shop, check.model_copy(update={"window": window})).history
        for window in (5 * MINUTE, HOUR, DAY)
    }
    assert reach == {5 * MINUTE: 28 * DAY, HOUR: 56 * DAY, DAY: 182 * DAY}
    assert plan(shop, check).dimensions == ()
    sliced = check.model_copy(update={"dimensions": ("country",)})
    assert plan(shop, sliced).dimensions == ("country",)


def test_a_time_that_was_planned_is_not_learned_from(tmp_path: Path) -> None:
    frame = plays()
    before = FAULT_AT - 4 * DAY
    frame.loc[(frame["at"] >= before) & (frame["at"] < before + 36 * HOUR), "minutes"] *= 4
    frame.loc[frame["at"] >= FAULT_AT, "minutes"] *= 1.3
    shop = declared(tmp_path, frame)
    marathon = {"name": "marathon", "from": before, "to": before + 36 * HOUR}
    planned = Recommender.model_validate({**shop.model_dump(), "planned": [marathon]})
    at = FAULT_AT + HOUR
    assert not run_checks(shop, at).findings
    assert [one.check for one in run_checks(planned, at).findings] == ["length"]


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"aggregate": "mean"}, 'aggregate = "mean" needs a column; add measure'),
        ({"aggregate": "count", "measure": "a"}, "counts rows; take out measure"),
        ({"aggregate": "ratio", "measure": "a"}, "a column to divide by, belong together"),
        ({"measure": "a", "over": "b"}, "a column to divide by, belong together"),
        ({"measure": "a", "quantile": 0.9}, 'quantile is for aggregate = "quantile"'),
        ({"aggregate": "quantile", "measure": "a", "quantile": 1.0}, "less than 1"),
        ({"aggregate": "median", "measure": "a"}, "'median' is not known"),
        ({"kind": "freshness", "aggregate": "mean", "measure": "a"}, "aggregate is for kind"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_what_would_be_right(keys: dict[str, object], says: str) -> None:
    _declared, wrong = own_keys_apart({"checks": {"m": {"kind": "series", "table": "t", **keys}}}, own=True)
    assert says in "\n".join(one.says for one in wrong)
