"""The judge of the diagnosis benchmark judges; its cases are what they say; its rows count them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import get_args

import numpy as np
import pytest

from benchmarks.diagnosis import columns
from benchmarks.diagnosis.case import Case, OpenedIncident
from benchmarks.diagnosis.judge import Said, Truth, about, judge
from benchmarks.diagnosis.radio.faults import INNOCENT, KINDS
from benchmarks.diagnosis.result import innocent_rows, main_rows
from benchmarks.diagnosis.set_aside import DESCRIBED, SHIPPED, UNDESCRIBED, set_aside
from benchmarks.table import Rows
from domain.values import CauseKind, Diagnosis, Evidence, Finding, Severity, Slice, slice_of
from examples.cinema.faults import FAULTS

AT = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)
FRANCE, ITALY = slice_of(country="France"), slice_of(country="Italy")
TRUTH = Truth("feature", ("rating",), (FRANCE,))
TABLE = Rows("somewhere")


def finding(where: Slice, subject: str | None = None) -> Finding:
    return Finding(
        check="shown",
        table="impressions",
        slice=where,
        subject=subject,
        window_start=AT,
        window_end=AT + timedelta(minutes=1),
        observed=1,
        expected=9,
        p_value=0.0,
        severity=Severity.SEV3,
        title="fewer rows",
    )


def case(truth: Truth, raised: Finding | None, diagnosis: Diagnosis | None = None) -> Case:
    one = Case("rating_times_ten", 0, "ten times", truth, AT, diagnosis_seconds=3.0)
    if raised is not None:
        one.incidents = [OpenedIncident(raised, AT + timedelta(minutes=2), diagnosis)]
    return one


def named(kind: CauseKind, what: str | None, where: Slice, title: str | None = None) -> Diagnosis:
    return Diagnosis(cause="It is so.", cause_kind=kind, object=what, place=where, title=title)


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        (Said("feature", "rating", FRANCE), "right"),
        (Said("feature", "items.rating", FRANCE), "right"),
        (Said("feature", None, FRANCE), "in part"),
        (Said("feature", "rating"), "in part"),
        (Said("feature", "rating", slice_of(country="France", device="tv")), "in part"),
        (Said("feature", "rating", ITALY), "wrong"),
        (Said("feature", "ratings", FRANCE), "wrong"),
        (Said("feed", "rating", FRANCE), "wrong"),
        (Said("world"), "wrong"),
        (Said("unknown"), "unnamed"),
    ],
)
def test_a_cause_is_right_only_with_its_kind_its_object_and_its_place(said: Said, verdict: str) -> None:
    assert judge(TRUTH, said) == verdict


def test_of_a_renaming_either_name_will_do_and_of_a_world_that_changed_any_place() -> None:
    truth = Truth("renaming", ("country",), (FRANCE, ITALY))
    assert judge(truth, Said("renaming", "country", ITALY)) == "right"
    assert judge(Truth("world"), Said("world", None, ITALY)) == "right"
    assert judge(Truth("world"), Said("feed", "plays")) == "wrong"


def test_a_sentence_without_a_kind_names_nothing() -> None:
    diagnosis = Diagnosis(cause="Something is the matter.", cause_kind="unknown")
    assert case(TRUTH, finding(FRANCE), diagnosis).verdict == "unnamed"
    assert case(TRUTH, finding(FRANCE), Diagnosis(cause=None, cause_kind="feature")).verdict == "unnamed"
    assert case(TRUTH, None).verdict == "never found"


def test_a_victim_above_the_culprit_is_distinguished_from_the_culprit() -> None:
    assert case(TRUTH, finding(FRANCE)).culprit_on_top
    assert case(TRUTH, finding((), "rating")).culprit_on_top
    assert not case(TRUTH, finding(ITALY)).culprit_on_top
    titled = named("feature", "rating", FRANCE, "`rating` of France")
    assert case(TRUTH, finding(ITALY), titled).culprit_on_top
    assert not case(TRUTH, finding(ITALY), named("feature", "rating", FRANCE)).culprit_on_top
    everywhere = Truth("model", ("v1",))
    assert about(everywhere, (), None)
    assert not about(everywhere, ITALY, None)


def test_rows_count_what_is_right_wrong_and_never_found() -> None:
    right = case(TRUTH, finding(FRANCE), named("feature", "rating", FRANCE))
    wrong = case(TRUTH, finding(ITALY), named("feed", "plays", ITALY))
    every = main_rows("w", [right, wrong, case(TRUTH, None)], TABLE, 0.9)
    rows = {row.work.split(": ")[-1]: row for row in every}
    assert rows["right kind, place and object on top"].figure == pytest.approx(0.333)
    assert not rows["right kind, place and object on top"].holds
    assert rows["a false cause named"].figure == pytest.approx(0.333)
    assert rows["never found"].figure == pytest.approx(0.333)
    assert rows["culprit above victims"].figure == 0.5
    assert rows["alarm → cause, 95th percentile"].figure == 3.0


def test_an_innocent_event_is_called_a_fault_only_where_a_fault_is_named() -> None:
    world = Truth("world")
    cases = [
        case(world, finding(FRANCE), named("feed", "plays", FRANCE)),
        case(world, finding(FRANCE), named("world", None, ())),
        case(world, finding(FRANCE)),
        case(world, None),
    ]
    called, raised = innocent_rows("w", cases, TABLE)
    assert (called.figure, called.holds) == (0.25, False)
    assert raised.figure == 0.75


def test_ten_of_the_thirty_are_set_aside_and_none_that_was_ever_described() -> None:
    assert {*SHIPPED, *DESCRIBED, *UNDESCRIBED} == set(FAULTS)
    assert len(set_aside()) == 10
    assert not set_aside() & {*SHIPPED, *DESCRIBED}


@pytest.mark.parametrize("seed", range(5))
def test_a_spoiled_feature_differs_in_its_sector_only(seed: int) -> None:
    one = columns.corrupted(seed)
    assert one.way == columns.WAYS[seed]
    there = one.after["sector"] == one.sector
    healthy = [name for name in one.after if name not in one.features]
    assert not one.after[healthy].isna().any().any()
    for name in one.features:
        apart = one.after[name] - one.before[name]
        spread = float(apart[~there].std())
        if one.way == "unset":
            assert one.after.loc[there, name].isna().all()
        elif one.way == "stale":
            assert (apart[there] == 0).all()
            assert spread > 0
        else:
            assert float(apart[there].abs().median()) > 1.5 * spread


def test_the_first_named_is_the_object_of_the_cause_else_the_best_candidate_else_what_is_oddest() -> None:
    features = ("a", "b", "c")
    odd = Evidence(kind="feature", statement="odd", table=(("feature", "how"), ("b", "is off")))
    bare = Diagnosis(cause=None, evidence=(odd,))
    assert columns.first_named(bare, features) == "b"
    assert columns.first_named(bare.model_copy(update={"object": "a"}), features) == "a"
    assert columns.first_named(Diagnosis(cause=None), features) is None


def test_the_radio_has_faults_of_most_kinds_and_events_that_are_none() -> None:
    assert len(KINDS) - len(INNOCENT) >= 10
    rng = np.random.default_rng(1)
    assert replace(TRUTH, kind="feed").words() == "feed of rating, country = France"
    for name in INNOCENT:
        truth, size, _ = KINDS[name].draw(rng, None)  # type: ignore[arg-type]
        assert truth.kind == "world"
        assert size
    assert "unknown" in get_args(CauseKind)
