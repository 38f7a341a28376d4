"""What counts for the ML Test Score, and what keeps the rest from counting."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.answer import Proof
from domain.improvement.attestation import Attestation
from domain.improvement.evidenced import (
    INCIDENTS_BACK,
    LEAST_JUDGED,
    Looks,
    evidenced_by,
    longest_pause,
    of_checks,
    of_incidents,
    of_people,
)
from domain.incident import commands as c
from domain.incident.state import Incident
from domain.recommender.check import Check
from domain.recommender.hotfix import DeclaredHotfix
from domain.recommender.keys.evidences import TEST_IDS
from domain.recommender.recommender import Recommender
from domain.recommender.table import Table
from domain.values import Diagnosis, Evidence
from tests.domain.incident.given import (
    APPLIED,
    DEPLOYED,
    DIAGNOSED,
    MORNING,
    OFFERED,
    OPEN,
    VERIFIED,
    WORKER,
    after,
)
from workers.declaration.check_kinds import ours

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
VIEWS = Table(name="views", path="views/*.parquet", time="at", window=HOUR, dimensions=("country",))


def declared(**check: Any) -> Recommender:
    """A recommender with one check of the table `views`."""
    one = Check.model_validate({"name": "one", "kind": "schema", "table": "views", **check})
    return Recommender(name="cinema", tables={"views": VIEWS}, checks={"one": one})


def looked(**changes: Any) -> dict[str, Looks]:
    """A check that looked well for two days, up to half an hour before noon."""
    good = {"count": 48, "judged": 47, "failed": 0, "failing": False}
    said = {**good, "since": NOON - 2 * DAY, "last_at": NOON - HOUR / 2, **changes}
    return {"one": Looks.model_validate(said)}


def proof(recommender: Recommender, looks: dict[str, Looks]) -> Proof:
    """What the check says for its first test."""
    return of_checks(recommender, looks, ours(), NOON)[0]


def test_every_kind_of_check_names_tests_that_there_are() -> None:
    named = {test for kind in ours().values() for test in (*kind.evidences, *kind.by_slice)}
    assert named <= set(TEST_IDS)


def test_a_check_speaks_for_the_tests_of_its_kind_its_slices_and_its_own() -> None:
    sliced = declared(kind="misses", evidences=("monitor-6", "monitor-7"))
    assert evidenced_by(sliced, sliced.checks["one"], ours()) == ("monitor-7", "model-6", "monitor-6")
    whole = declared(kind="misses", dimensions=())
    assert evidenced_by(whole, whole.checks["one"], ours()) == ("monitor-7",)
    whole = declared(kind="metric", metric="auc")
    assert evidenced_by(whole, whole.checks["one"], ours()) == ("monitor-7",)
    sliced = declared(kind="metric", metric="auc", dimensions=("country",))
    assert evidenced_by(sliced, sliced.checks["one"], ours()) == ("monitor-7", "model-6")
    own = declared(kind="series", evidences=("monitor-6",))
    assert evidenced_by(own, own.checks["one"], ours()) == ("monitor-6",)


def test_a_check_that_looks_on_its_schedule_counts_in_full_for_each_of_its_tests() -> None:
    proofs = of_checks(declared(), looked(), ours(), NOON)
    assert [(one.test, one.how, one.lacks) for one in proofs] == [
        (test, "automatic", None) for test in ours()["schema"].evidences
    ]
    assert proofs[0].says == "one (schema of views): 48 check runs since 2026-02-27 12:00 UTC, 0 failed"


@pytest.mark.parametrize(
    ("looks", "lacks", "says"),
    [
        ({}, "time", "no check run in the last 28 days"),
        (looked(failing=True, failed=1), "health", "its newest check run, at 2026-03-01 11:30 UTC, failed"),
        (looked(last_at=NOON - DAY), "health", "has not run since 2026-02-28 12:00 UTC"),
        (looked(failed=3), "health", "fails too often: 48 check runs"),
        (looked(judged=LEAST_JUDGED - 1), "time", "not enough history yet"),
    ],
)
def test_what_keeps_a_check_from_counting_is_said(looks: dict[str, Looks], lacks: str, says: str) -> None:
    one = proof(declared(), looks)
    assert (one.how, one.lacks) == (None, lacks)
    assert says in one.says


def test_a_few_looks_that_failed_among_many_do_not_take_it_away() -> None:
    assert proof(declared(), looked(failed=2)).how == "automatic"


def test_in_the_shadow_it_counts_half_for_it_pages_nobody() -> None:
    one = proof(declared(shadow=True), looked())
    assert (one.how, one.lacks) == ("manual", "voice")
    assert proof(declared(shadow=True), looked(failing=True)).how is None


@pytest.mark.parametrize(
    ("check", "hours"),
    [
        ({}, 4),
        ({"window": "1d"}, 96),
        ({"every": "6h"}, 19),
        ({"schedule": "15 6 * * *"}, 30.75),  # this morning's may be late; yesterday's may not be missing
        ({"schedule": "updated"}, 4),
    ],
)
def test_how_long_ago_the_newest_look_may_be_goes_by_the_checks_own_schedule(
    check: dict[str, Any], hours: float
) -> None:
    recommender = declared(**check)
    pause = longest_pause(recommender, recommender.checks["one"], NOON)
    assert pause == timedelta(hours=hours) + 10 * MINUTE


def test_a_check_without_a_table_goes_by_the_first() -> None:
    recommender = declared(table=None)
    assert longest_pause(recommender, recommender.checks["one"], NOON) == 4 * HOUR + 10 * MINUTE


def traced(kind: str) -> Incident:
    evidence = Evidence.model_validate({"kind": kind, "statement": "it pulls the most"})
    gathered = c.RecordDiagnosis(diagnosis=Diagnosis(cause=None, evidence=(evidence,)))
    return after(OPEN, (gathered, WORKER))[0]


def test_a_diagnosis_that_put_examples_through_the_model_counts_half_for_traceable_predictions() -> None:
    (one,) = of_incidents(declared(), [traced("attribution"), traced("history")], NOON)
    assert (one.test, one.how, one.source) == ("infra-5", "manual", "incidents")
    assert one.says.endswith("in #1")
    assert of_incidents(declared(), [traced("history")], NOON) == []
    assert of_incidents(declared(), [traced("attribution")], MORNING + INCIDENTS_BACK + HOUR) == []


def test_a_hotfix_counts_half_for_what_it_names_once_it_worked() -> None:
    hotfix = {"kind": "webhook", "label": "Back", "causes": ["model"], "deployer": "hooks"}
    offered = {
        name: DeclaredHotfix.model_validate({**hotfix, "name": name, "evidences": ["infra-7"]})
        for name in ("fill", "other")
    }
    recommender = declared().model_copy(update={"hotfixes": offered})
    applied, _ = after(OPEN, DIAGNOSED, OFFERED, DEPLOYED, APPLIED)
    assert of_incidents(recommender, [applied], NOON) == []
    worked, _ = after(OPEN, DIAGNOSED, OFFERED, DEPLOYED, APPLIED, VERIFIED)
    (one,) = of_incidents(recommender, [worked], NOON)
    assert (one.test, one.how, one.name, one.says) == ("infra-7", "manual", "fill", "“Back” worked in #1")


def test_many_incidents_are_named_by_the_newest() -> None:
    many = [traced("attribution").model_copy(update={"number": n}) for n in range(1, 6)]
    (one,) = of_incidents(declared(), many, NOON)
    assert one.says.endswith("in #5, #4, #3 and 2 more")


def test_what_somebody_vouches_for_counts_until_it_expires_and_is_shown_after_that() -> None:
    vouched = Attestation(
        test="infra-1", how="manual", link="https://wiki.example.org", until=NOON, by="slack:U1", at=MORNING
    )
    (stands,) = of_people([vouched], NOON - MINUTE)
    assert (stands.how, stands.lacks, stands.by, stands.link) == ("manual", None, "slack:U1", vouched.link)
    assert stands.says == "done by hand, attested until 2026-03-01"
    (expired,) = of_people([vouched], NOON)
    assert (expired.how, expired.lacks) == (None, "renewal")
    assert expired.says == "done by hand, expired on 2026-03-01"
