"""Menus whose trade-offs are known."""

from dataclasses import replace
from datetime import datetime, time, timedelta
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest

from domain.diagnosis.material import Standby
from domain.errors import TooFewRows
from domain.prediction.repaired import Repaired
from domain.recommender.hotfix import DeclaredHotfix, Replay
from domain.recommender.route import Alone
from domain.resolution.circumstances import Circumstances, Replaced
from domain.resolution.menu import build_menu
from domain.resolution.price import amount_to_repair, lost, price
from domain.resolution.stage import Stage, set_stage
from domain.values import Diagnosis, Hours, Option
from tests.domain.resolution.choices import with_choices
from tests.workers.conftest import declared_fill
from workers.declaration.hotfix_kinds import find

FILL = DeclaredHotfix(
    name="fill_language",
    kind="fill_feature",
    label="Fill in the language",
    causes=("feature",),
    options={"feature": "language"},
    deployer="overrides",
    second_person_above=0.5,
)
BOOST = DeclaredHotfix(
    name="boost",
    kind="boost_items",
    label="Boost",
    causes=("feature", "model"),
    options={"amount": 1.0},
    deployer="overrides",
    second_person_above=0.01,
)
ROLLBACK = DeclaredHotfix(
    name="rollback",
    kind="webhook",
    label="Roll back",
    causes=("feature",),
    options={"hook": "catalogue_rollback"},
    deployer="hooks",
    replay=Replay(kind="snapshot", table="items_snapshots"),
)
FAILOVER = DeclaredHotfix(
    name="failover",
    kind="webhook",
    label="Standby",
    causes=("feed",),
    options={"hook": "feed_failover"},
    deployer="hooks",
    replay=Replay(kind="standby", table="plays_standby"),
)
ALL = (FILL, BOOST, ROLLBACK, FAILOVER)


def brought(at: datetime) -> Replaced:
    """A delivery at this time, a day after the one before it."""
    return Replaced(at=at, now=at.isoformat(), was=(at - timedelta(days=1)).isoformat())


def former_of(world: SimpleNamespace) -> dict[str, str]:
    values = dict(zip(world.before["item_id"], world.before["language"], strict=True))
    return {item: values[item] for item in world.concerned}


@pytest.fixture(scope="module", params=["since it began", "put upon healthy traffic"])
def stage(world: SimpleNamespace, request: pytest.FixtureRequest) -> Stage:
    rows = world.candidates
    if request.param != "since it began":
        rows = rows[rows["request_id"] < 1_040]
    return set_stage(
        with_choices(rows, 1),
        with_choices(world.candidates_before, 2),
        replace(world.columns, shown="shown"),
        world.model,
        world.concerned,
        feature="language",
        former=former_of(world),
        finding=world.finding,
    )


@pytest.fixture(scope="module")
def around(world: SimpleNamespace, stage: Stage) -> Circumstances:
    diagnosis = Diagnosis(
        cause="x", cause_kind="feature", items=world.concerned, feature="language", suggested_value="French"
    )
    previous = world.before[~world.before["item_id"].isin(["film-1", "film-2", "film-3"])]
    return Circumstances(
        finding=world.finding,
        diagnosis=diagnosis,
        stage=stage,
        previous=previous,
        replaced={"deliveries": brought(world.delivered)},
        former=former_of(world),
        noun="films",
    )


def by_name(options: tuple[Option, ...]) -> dict[str, Option]:
    return {option.hotfix: option for option in options}


def test_filling_repairs_nearly_all_for_nothing_and_a_boost_less_for_more(around: Circumstances) -> None:
    menu = build_menu(ALL, around, "incident-1", find)
    options = by_name(menu.options)
    assert set(options) == {"fill_language", "boost", "catalogue_rollback", "do_nothing"}
    fill, boost = options["fill_language"], options["boost"]
    assert fill.repairs.value is not None and boost.repairs.value is not None
    assert 85 < fill.repairs.value < 112
    assert fill.repairs.low is not None and fill.repairs.high is not None
    assert fill.repairs.low <= fill.repairs.value <= fill.repairs.high
    assert boost.repairs.value < fill.repairs.value
    for costs in (fill.costs, boost.costs):
        assert costs.low is not None and costs.high is not None
        assert costs.low < costs.high
        assert "choices of these requests" in costs.basis
    assert fill.repairs.basis.startswith("replay of ")
    assert fill.label == "Fill in the language: French and 1 more, as before"
    assert menu.options[-1].hotfix == "do_nothing"
    assert menu.options[0].hotfix in {"fill_language", "catalogue_rollback"}


def test_rolling_back_says_how_many_newer_items_are_gone(around: Circumstances) -> None:
    rollback = by_name(build_menu(ALL, around, "incident-1", find).options)["catalogue_rollback"]
    assert "newer films gone" in rollback.repairs.basis
    assert rollback.repairs.value is not None
    assert rollback.repairs.value > 85
    assert rollback.parameters["before"] == "2026-03-02T05:30:00+00:00"
    assert rollback.parameters["to"] == "2026-03-01T05:30:00+00:00"


def test_hours_and_break_glass_are_those_that_are_declared_for_the_kind(around: Circumstances) -> None:
    only = Alone.model_validate({"from": "08:00", "to": "17:00", "days": ["sat"], "kinds": ["boost_items"]})
    zone = ZoneInfo("Asia/Tokyo")
    ruled = replace(around, alone=only, break_glass=True, zone=zone)
    options = by_name(build_menu(ALL, ruled, "incident-1", find).options)
    assert options["boost"].alone == Hours(start=time(8), end=time(17), days=(5,), zone="Asia/Tokyo")
    assert options["fill_language"].alone is None
    assert options["fill_language"].break_glass
    free = by_name(build_menu(ALL, around, "incident-1", find).options)["boost"]
    assert (free.alone, free.break_glass) == (None, False)


def test_who_touches_more_than_declared_needs_a_second_person(around: Circumstances) -> None:
    options = by_name(build_menu(ALL, around, "incident-1", find).options)
    assert options["boost"].needs_second_person
    assert not options["fill_language"].needs_second_person
    assert 0 < options["fill_language"].blast_share < 0.5


def test_keys_are_stable_and_belong_to_one_incident(around: Circumstances) -> None:
    keys = [option.key for option in build_menu(ALL, around, "incident-1", find).options]
    assert keys == [option.key for option in build_menu(ALL, around, "incident-1", find).options]
    assert len(set(keys)) == len(keys)
    assert not set(keys) & {option.key for option in build_menu(ALL, around, "incident-2", find).options}


def test_the_deployer_gets_what_the_client_reads(around: Circumstances, world: SimpleNamespace) -> None:
    options = by_name(build_menu(ALL, around, "incident-1", find).options)
    fill = dict(options["fill_language"].parameters)
    values = fill.pop("values")
    assert isinstance(values, dict)
    assert sorted(item for items in values.values() for item in items) == sorted(world.concerned)
    assert all(former_of(world)[item] == value for value, items in values.items() for item in items)
    assert fill == {
        "kind": "fill_feature", "items": list(world.concerned), "feature": "language", "value": "French",
    }  # fmt: skip
    assert options["boost"].parameters == {
        "kind": "boost_items",
        "items": list(world.concerned),
        "amount": 1.0,
    }


def test_doing_nothing_costs_what_is_lost_an_hour(around: Circumstances) -> None:
    nothing = build_menu((), around, "incident-1", find).options[-1]
    assert nothing.costs.value == pytest.approx(-70 * 12)  # 70 rows in five minutes
    assert nothing.costs.unit == "rows an hour"
    assert nothing.repairs.value == 0.0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"unit": "mean hearted", "observed": 0.36, "expected": 0.4},
            "mean hearted 0.36 where 0.4 was expected",
        ),
        ({"unit": "seconds", "observed": 7200.0, "expected": 600.0}, "2 h where 10 min was expected"),
        ({"observed": 300.0, "expected": 150.0}, "300 rows where 150 were expected"),
    ],
)
def test_what_is_not_lost_by_the_hour_is_not_priced_by_the_hour(
    around: Circumstances, change: dict[str, object], words: str
) -> None:
    off = around.finding.model_copy(update={"low": None, "high": None, **change})
    nothing = build_menu((), replace(around, finding=off), "incident-1", find).options[-1]
    assert nothing.costs.value is None
    assert nothing.does.startswith(f"Leaves everything as it is: {words}")


def test_a_cause_that_no_hotfix_fits_leaves_doing_nothing_and_says_so(around: Circumstances) -> None:
    unknown = replace(around, diagnosis=Diagnosis(cause=None), replaced={})
    menu = build_menu(ALL, unknown, "incident-1", find)
    assert [option.hotfix for option in menu.options] == ["do_nothing"]
    assert "No declared hotfix fits" in menu.note


def test_a_feed_is_priced_by_the_rows_of_its_standby(world: SimpleNamespace) -> None:
    finding = world.finding.model_copy(update={"table": "plays", "observed": 45.0, "affected_share": 0.1})
    around = Circumstances(
        finding=finding,
        diagnosis=Diagnosis(cause="x", cause_kind="feed"),
        standby=Standby("plays_standby", 900, 2_000),
    )
    option = by_name(build_menu(ALL, around, "i", find).options)["feed_failover"]
    assert option.repairs.value == pytest.approx(100.0)
    assert "the standby has 2,000 rows where the feed has 900" in option.repairs.basis
    assert option.blast_share == pytest.approx(0.1)


@pytest.mark.parametrize(("observed", "rows", "windows"), [(0.0, 0, 3.0), (75.0, 100, 2.0)])
def test_a_feed_is_priced_by_the_time_over_which_both_were_counted(
    observed: float, rows: float, windows: float, world: SimpleNamespace
) -> None:
    """Also where nothing is left of it, or where half of the alarm's window lies before it began."""
    band = {"observed": observed, "low": 80.0, "high": 120.0}
    finding = world.finding.model_copy(update={"table": "plays", **band})
    seconds = windows * (finding.window_end - finding.window_start).total_seconds()
    around = Circumstances(
        finding=finding,
        diagnosis=Diagnosis(cause="x", cause_kind="feed", since=finding.window_start),
        standby=Standby("plays_standby", rows, finding.expected * windows, seconds=seconds),
    )
    repairs = by_name(build_menu(ALL, around, "i", find).options)["feed_failover"].repairs
    assert repairs.low is not None and repairs.high is not None
    assert repairs.value == pytest.approx(100.0)
    assert repairs.low < 95
    assert repairs.high > 105


def test_what_a_check_of_the_standby_finds_is_what_the_feed_lacks_of_it(world: SimpleNamespace) -> None:
    """It is given as a share of the standby's rows, of which nobody expects a number."""
    measured = {"table": "plays_standby", "observed": 0.55, "expected": 0.01, "low": 0.0, "high": 0.02}
    around = Circumstances(
        finding=world.finding.model_copy(update={**measured, "unit": "share"}),
        diagnosis=Diagnosis(cause="x", cause_kind="feed"),
        standby=Standby("plays_standby", 900, 2_000),
    )
    repairs = by_name(build_menu(ALL, around, "i", find).options)["feed_failover"].repairs
    assert repairs.value == pytest.approx(100.0)
    assert repairs.low is not None and 90 < repairs.low < 100


def test_rows_elsewhere_that_the_standby_lacks_are_its_cost(world: SimpleNamespace) -> None:
    finding = world.finding.model_copy(update={"table": "plays", "observed": 45.0})
    around = Circumstances(
        finding=finding,
        diagnosis=Diagnosis(cause="x", cause_kind="feed"),
        standby=Standby("plays_standby", 900, 2_000, elsewhere=(10_000, 9_500)),
    )
    costs = by_name(build_menu(ALL, around, "i", find).options)["feed_failover"].costs
    assert costs.value == pytest.approx(-5.0)
    assert costs.high is not None and costs.high < 0
    bare = replace(around, standby=Standby("plays_standby", 900, 2_000))
    unknown = by_name(build_menu(ALL, bare, "i", find).options)["feed_failover"].costs
    assert unknown.value is None
    assert "not compared" in unknown.basis


def test_a_launch_is_priced_by_its_forecast(world: SimpleNamespace, around: Circumstances) -> None:
    finding = world.finding.model_copy(update={"kind": "predicted", "subject": "film-0", "slice": ()})
    repaired = Repaired(now=40.0, value=800.0, low=600.0, high=1_100.0, comparable=900.0, basis="")
    launch = replace(around, finding=finding, repaired=repaired, stage=None)
    options = by_name(build_menu((FILL, BOOST), launch, "i", find).options)
    repairs = options["fill_language"].repairs
    assert repairs.value == pytest.approx(100 * 760 / 860)
    assert repairs.low == pytest.approx(100 * 560 / 860)
    assert repairs.high == 100.0
    assert "800 [600–1,100] rows instead of 40" in repairs.basis
    assert options["boost"].repairs.value is None
    assert options["boost"].repairs.basis == "not from the log"


def test_without_a_log_nothing_is_promised_and_a_second_person_decides(around: Circumstances) -> None:
    bare = replace(around, stage=None, no_stage="12 logged requests; 30 are needed for a replay")
    fill = by_name(build_menu(ALL, bare, "i", find).options)["fill_language"]
    assert fill.repairs.value is None
    assert "12 logged requests" in fill.repairs.basis
    assert fill.needs_second_person


def test_the_interval_of_a_price_shrinks_with_more_requests(world: SimpleNamespace) -> None:
    def width(count: int) -> float:
        rows = world.candidates[world.candidates["request_id"] < 1_000 + count]
        stage = set_stage(
            rows,
            world.candidates_before[world.candidates_before["request_id"] < count],
            world.columns,
            world.model,
            world.concerned,
            feature=None,
            former={},
            finding=world.finding,
        )
        repairs = price(stage, stage.now + stage.concerned).repairs
        assert repairs.low is not None and repairs.high is not None
        return repairs.high - repairs.low

    assert width(200) < width(40)


def test_the_boost_that_repairs_is_found(stage: Stage) -> None:
    amount = amount_to_repair(stage)
    assert amount is not None
    own = stage.concerned.astype(float)
    before = stage.traffic.exposure(stage.now)
    gained = own @ (stage.traffic.exposure(stage.now + amount * own) - before)
    assert gained == pytest.approx(lost(stage, before)[0] * stage.traffic.request_count, rel=0.1)


def test_too_few_requests_are_said(world: SimpleNamespace) -> None:
    rows = world.candidates[world.candidates["request_id"] < 1_010]
    with pytest.raises(TooFewRows, match="10 logged requests"):
        set_stage(
            rows,
            rows,
            world.columns,
            world.model,
            world.concerned,
            feature=None,
            former={},
            finding=world.finding,
        )
    assert FILL.watch == timedelta(minutes=15)


def test_hotfixes_that_are_left_out_for_one_reason_are_named_together(around: Circumstances) -> None:
    fills = [declared_fill(name=name, label=name) for name in ("fill", "another")]
    nobody = replace(around, diagnosis=Diagnosis(cause="x", cause_kind="feature"))
    assert build_menu(fills, nobody, "i", find).note == "fill, another: the diagnosis names nothing to act on"
