"""If the cause is not known: rollbacks that fit the onset, and why the others are not offered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.recommender.hotfix import DeclaredHotfix
from domain.resolution.circumstances import Circumstances, Replaced, Serves
from domain.resolution.menu import Menu, build_menu
from domain.resolution.rollback import SHORTLY
from domain.resolution.stage import set_stage
from domain.values import CauseKind, Diagnosis
from tests.domain.resolution.test_menu import ALL, FAILOVER, FILL, ROLLBACK, brought, by_name
from workers.declaration.hotfix_kinds import find

MODEL = DeclaredHotfix(
    name="older_model",
    kind="model_rollback",
    label="Serve the model before",
    causes=("model", "training_data"),
    options={"hook": "serve_model"},
    deployer="hooks",
)
UNKNOWN = Diagnosis(cause=None)


def took_over(at: datetime) -> Replaced:
    return Replaced(at=at, now="v8", was="v7")


def unexplained(world: SimpleNamespace, replaced: Mapping[Serves, Replaced]) -> Circumstances:
    """Nothing is known of the cause but when it began, at 05:55."""
    return Circumstances(finding=world.finding, diagnosis=UNKNOWN, replaced=replaced)


def why(menu: Menu) -> dict[str, str]:
    return {one.hotfix: one.why for one in menu.left_out}


def test_where_the_cause_is_not_known_what_was_replaced_shortly_before_can_be_rolled_back(
    world: SimpleNamespace,
) -> None:
    around = unexplained(
        world,
        {"deliveries": brought(world.delivered), "model": took_over(world.at - timedelta(hours=2))},
    )
    menu = build_menu((*ALL, MODEL), around, "i", find)
    options = by_name(menu.options)
    assert set(options) == {"catalogue_rollback", "serve_model", "do_nothing"}
    rollback, model = options["catalogue_rollback"], options["serve_model"]
    assert rollback.repairs.value is None and rollback.costs.value is None
    assert rollback.repairs.basis == (
        "not priced: the cause is not established; the delivery of the items came at 2026-03-02 05:30 UTC, "
        "shortly before it began at 2026-03-02 05:55 UTC"
    )
    assert rollback.blast_share == 1.0
    assert rollback.parameters["before"] == world.delivered.isoformat()
    assert model.label == "Serve the model before: v7"
    assert model.parameters == {
        "kind": "model_rollback", "hook": "serve_model", "version": "v7", "instead_of": "v8",
    }  # fmt: skip
    assert "offered, not priced" in menu.note


def test_so_it_is_where_a_cause_is_established_that_no_hotfix_fits(world: SimpleNamespace) -> None:
    around = unexplained(world, {"deliveries": brought(world.delivered)})
    around = replace(around, diagnosis=Diagnosis(cause="x", cause_kind="serving"))
    menu = build_menu((FILL, ROLLBACK), around, "i", find)
    assert "this one is of kind serving" in by_name(menu.options)["catalogue_rollback"].repairs.basis
    assert why(menu) == {"fill_language": "it is for causes of kind feature; this one is of kind serving"}


def test_a_rollback_that_fits_the_cause_and_cannot_be_replayed_is_offered_all_the_same(
    world: SimpleNamespace,
) -> None:
    broken = replace(
        unexplained(world, {"deliveries": brought(world.delivered)}),
        diagnosis=Diagnosis(cause="x", cause_kind="feature"),
        previous=world.before.drop(columns="item_id"),
        stage=set_stage(
            world.candidates,
            world.candidates_before,
            world.columns,
            world.model,
            world.concerned,
            feature="language",
            former={},
            finding=world.finding,
        ),
    )
    option = by_name(build_menu((ROLLBACK,), broken, "i", find).options)["catalogue_rollback"]
    assert option.repairs.value is None
    assert option.repairs.basis == "not priced: computing it failed (KeyError)"


def test_where_a_hotfix_fits_the_cause_nothing_else_is_offered(world: SimpleNamespace) -> None:
    around = unexplained(world, {"model": took_over(world.at - timedelta(hours=2))})
    feed = replace(around, diagnosis=Diagnosis(cause="x", cause_kind="feed"))
    menu = build_menu((FAILOVER, MODEL), feed, "i", find)
    assert set(by_name(menu.options)) == {"feed_failover", "do_nothing"}
    assert why(menu) == {
        "older_model": "it is for causes of kind model, training_data; this one is of kind feed"
    }


@pytest.mark.parametrize("cause_kind", ["unknown", "model"])
def test_what_took_over_after_it_began_is_not_rolled_back_whatever_the_cause(
    world: SimpleNamespace, cause_kind: CauseKind
) -> None:
    late = unexplained(world, {"model": took_over(world.at + timedelta(hours=1))})
    late = replace(late, diagnosis=Diagnosis(cause=None, cause_kind=cause_kind))
    menu = build_menu((MODEL,), late, "i", find)
    assert [option.hotfix for option in menu.options] == ["do_nothing"]
    assert why(menu)["older_model"].endswith(
        "the model v8 took over at 2026-03-02 07:00 UTC, after it began at 2026-03-02 05:55 UTC"
    )


def test_what_was_replaced_long_before_is_no_reason_to_roll_back(world: SimpleNamespace) -> None:
    early = unexplained(world, {"model": took_over(world.at - timedelta(hours=9))})
    assert why(build_menu((MODEL,), early, "i", find))["older_model"] == (
        "it is for causes of kind model, training_data; the cause is not established, and the model v8 took "
        "over at 2026-03-01 21:00 UTC, long before it began"
    )


def test_nothing_known_and_nothing_wrong_are_said_as_what_they_are(world: SimpleNamespace) -> None:
    said = why(build_menu((MODEL, FILL), unexplained(world, {}), "i", find))
    assert said["older_model"].endswith("no model is known to have come before it began")
    assert said["fill_language"] == "it is for causes of kind feature; the cause is not established"
    holiday = replace(
        unexplained(world, {"model": took_over(world.at - timedelta(hours=2))}),
        diagnosis=Diagnosis(cause="a holiday", cause_kind="world"),
    )
    menu = build_menu((MODEL,), holiday, "i", find)
    assert [option.hotfix for option in menu.options] == ["do_nothing"]
    assert why(menu)["older_model"].endswith("nothing is wrong that a hotfix could repair")


def test_a_forecast_has_no_onset_to_roll_back_to(world: SimpleNamespace) -> None:
    around = unexplained(world, {"deliveries": brought(world.delivered)})
    finding = world.finding.model_copy(update={"kind": "predicted", "subject": "film-0", "slice": ()})
    menu = build_menu((ROLLBACK,), replace(around, finding=finding), "i", find)
    assert why(menu)["rollback"].endswith("a forecast has no onset that a rollback could fit")


def test_what_cannot_act_says_why(world: SimpleNamespace) -> None:
    around = replace(
        unexplained(world, {}),
        diagnosis=Diagnosis(cause="x", cause_kind="feature", items=("film-1",), feature="genre"),
    )
    said = why(build_menu((FILL, ROLLBACK), around, "i", find))
    assert said["fill_language"] == "the diagnosis names nothing to act on"
    assert said["rollback"] == "no delivery is known that brought it, so there is none to go back behind"


@pytest.mark.parametrize(
    ("window", "before_onset", "offered"),
    [
        pytest.param(timedelta(minutes=5), timedelta(minutes=-5), True, id="at the end of its window"),
        pytest.param(timedelta(minutes=5), timedelta(minutes=-6), False, id="after it"),
        pytest.param(timedelta(minutes=5), SHORTLY, True, id="six hours before"),
        pytest.param(timedelta(minutes=5), SHORTLY + timedelta(minutes=1), False, id="longer before"),
        pytest.param(timedelta(days=1), timedelta(days=2), True, id="two long windows before"),
        pytest.param(timedelta(days=1), timedelta(days=2, minutes=1), False, id="longer than two of them"),
    ],
)
def test_shortly_before_is_six_hours_or_two_windows(
    world: SimpleNamespace, window: timedelta, before_onset: timedelta, offered: bool
) -> None:
    start = world.finding.window_end - window
    finding = world.finding.model_copy(update={"window_start": start})
    around = replace(unexplained(world, {"model": took_over(start - before_onset)}), finding=finding)
    menu = build_menu((MODEL,), around, "i", find)
    assert any(option.deployable for option in menu.options) == offered


def test_a_kind_that_is_not_installed_takes_no_other_hotfix_off_the_menu(world: SimpleNamespace) -> None:
    strange = MODEL.model_copy(update={"name": "strange", "kind": "hide_row"})
    around = unexplained(world, {"model": took_over(world.at - timedelta(hours=2))})
    for cause in ("unknown", "model"):
        diagnosis = Diagnosis.model_validate({"cause": None, "cause_kind": cause})
        menu = build_menu((strange, MODEL), replace(around, diagnosis=diagnosis), "i", find)
        assert "serve_model" in by_name(menu.options)
        assert 'kind "hide_row" is not installed here' in why(menu)["strange"]


@given(minutes=st.integers(-24 * 60, 24 * 60), causes=st.sampled_from(["unknown", "model", "serving"]))
def test_no_rollback_lies_after_the_onset_and_a_fitting_one_is_always_offered(
    world: SimpleNamespace, minutes: int, causes: CauseKind
) -> None:
    onset = world.finding.window_start
    around = replace(
        unexplained(world, {"model": took_over(onset + timedelta(minutes=minutes))}),
        diagnosis=Diagnosis(cause=None, cause_kind=causes),
    )
    menu = build_menu((MODEL, FAILOVER), around, "i", find)
    offered = any(option.hotfix == "serve_model" for option in menu.options)
    before = minutes <= 5  # the window that the onset is known to
    shortly = timedelta(minutes=-minutes) <= SHORTLY
    assert offered == (before and (shortly or causes == "model"))
    assert offered or "older_model" in why(menu)


def test_a_model_rollback_is_priced_by_the_version_before_where_its_file_is_kept(
    world: SimpleNamespace,
) -> None:
    stage = set_stage(
        world.candidates,
        world.candidates_before,
        world.columns,
        world.model,
        world.concerned,
        feature=None,
        former={},
        finding=world.finding,
    )
    around = replace(
        unexplained(world, {"model": took_over(world.at - timedelta(hours=2))}),
        diagnosis=Diagnosis(cause="x", cause_kind="model", items=world.concerned),
        stage=stage,
    )
    bare = by_name(build_menu((MODEL,), around, "i", find).options)["serve_model"]
    assert bare.repairs.value is None
    assert bare.repairs.basis == "not priced: the file of version v7 is not at hand"
    assert bare.blast_share == 1.0
    better = stage.now + 1.5 * stage.concerned  # the version before scored these items higher
    priced = by_name(build_menu((MODEL,), replace(around, former_scores=better), "i", find).options)
    worse = replace(around, former_scores=stage.now - 1.5 * stage.concerned)
    repairs = priced["serve_model"].repairs
    assert repairs.value is not None and repairs.low is not None and repairs.high is not None
    assert 10 < repairs.low < repairs.value < repairs.high
    assert "by version v7" in repairs.basis
    assert 0 < priced["serve_model"].blast_share < 1
    value = by_name(build_menu((MODEL,), worse, "i", find).options)["serve_model"].repairs.value
    assert value is not None and value < 0
    assert np.isfinite(value)
