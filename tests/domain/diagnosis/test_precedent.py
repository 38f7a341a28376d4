"""The past incident most like this one is reported; if there is none, nothing is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.diagnosis.diagnose import diagnose
from domain.diagnosis.precedent import (
    Past,
    Signature,
    find_alike,
    past_of,
    signature_of,
    similarity,
    with_precedent,
)
from domain.incident import commands as c
from domain.incident.state import Incident
from domain.values import Diagnosis, Finding, Slice, slice_of
from tests.domain.diagnosis.bundle.materials import full
from tests.domain.incident.given import (
    APPLIED,
    DEPLOYED,
    FINDING,
    MORNING,
    OFFERED,
    OPEN,
    REVERTED,
    VERIFIED,
    WORKER,
    after,
)

NAMED = Diagnosis(
    cause="`language` is not set for 212 films",
    cause_kind="feature",
    object="language",
    place=slice_of(country="Denmark"),
    title="`language` of films from Denmark is not set since a delivery",
)
DIAGNOSED = (c.RecordDiagnosis(diagnosis=NAMED), WORKER)
STOPPED = c.Resolve(how="hotfix", reason="repaired")


def signature(**changes: Any) -> Signature:
    usual = {
        "cause": "feature", "object": "language", "place": slice_of(country="Denmark"),
        "check": "impressions_by_slice", "table": "impressions", "change": -0.7,
    }  # fmt: skip
    return Signature(**{**usual, **changes})


def past(number: int, **changes: Any) -> Past:
    return Past(number, MORNING - timedelta(days=number), signature(**changes), f"what {number} was")


OTHERS = [
    past(
        n, cause="feed", object="plays", place=slice_of(device="tv"), check="volume", table="plays", change=n
    )
    for n in range(1, 9)
]


def line(found: Diagnosis) -> str | None:
    return next((one.statement for one in found.evidence if one.kind == "precedent"), None)


def precedent_of(incident: Incident, now: Diagnosis = NAMED, finding: Finding = FINDING) -> str | None:
    before = past_of(incident)
    return line(with_precedent(now, finding, [before] if before else [], UTC))


def test_what_it_was_and_what_worked_is_one_line() -> None:
    incident, _ = after(OPEN, DIAGNOSED, OFFERED, DEPLOYED, APPLIED, VERIFIED, STOPPED)
    day = f"{MORNING.day} {MORNING:%B}"
    assert precedent_of(incident) == (
        f"Like incident 1 on {day}: `language` of films from Denmark is not set since a delivery; "
        "“Do fill” closed 94 % of the gap"
    )


def test_a_hotfix_that_did_not_repair_it_is_reported_as_such() -> None:
    refuted = (c.RefuteHotfix(option="fill", reason="not back", repaired_share=0.12), WORKER)
    resolved = c.Resolve(reason="upstream")
    incident, _ = after(OPEN, DIAGNOSED, OFFERED, DEPLOYED, APPLIED, refuted, REVERTED, resolved)
    said = precedent_of(incident)
    assert said is not None
    assert said.endswith("“Do fill” did not repair it (12 % of the gap closed)")


@pytest.mark.parametrize(
    ("ending", "words"),
    [
        (c.Resolve(how="by_itself", reason="back"), "it ended by itself"),
        (c.Resolve(how="elsewhere", reason="the team upstream"), "it was repaired elsewhere"),
        (c.Dismiss(reason="a holiday"), "it was judged to be no incident"),
    ],
)
def test_how_it_ended_without_a_hotfix_is_reported(ending: c.Command, words: str) -> None:
    incident, _ = after(OPEN, DIAGNOSED, ending)
    assert (precedent_of(incident) or "").endswith(words)


def test_what_goes_on_or_was_declared_by_a_person_is_no_precedent() -> None:
    assert past_of(after(OPEN, DIAGNOSED)[0]) is None
    declared = c.DeclareIncident(number=1, title="odd", severity=FINDING.severity)
    assert past_of(after(declared, c.Resolve(reason="over"))[0]) is None


def test_without_a_cause_only_the_symptom_is_compared_and_that_is_said() -> None:
    incident, _ = after(OPEN, DIAGNOSED, c.Resolve(how="by_itself", reason="back"))
    said = precedent_of(incident, Diagnosis(cause=None))
    assert said is not None
    assert ", by its symptom alone: `language` of films" in said
    more = FINDING.model_copy(update={"observed": FINDING.expected * 3})
    assert precedent_of(incident, Diagnosis(cause=None), more) is None


def test_where_nothing_is_like_it_nothing_is_said() -> None:
    assert line(with_precedent(NAMED, FINDING, OTHERS, UTC)) is None
    assert line(with_precedent(NAMED, FINDING, [], UTC)) is None


def test_the_same_object_is_like_it_wherever_it_was() -> None:
    elsewhere = past(30, place=slice_of(country="Japan"), check="other", table="plays", change=0.1)
    assert find_alike(signature(), [*OTHERS, elsewhere]) == [elsewhere]


def test_the_same_kind_of_cause_alone_is_not_like_it() -> None:
    kind_alone = past(
        30, object="genre", place=slice_of(device="tv"), check="other", table="plays", change=2.0
    )
    assert find_alike(signature(), [*OTHERS, kind_alone]) == []


def test_the_most_alike_comes_first_and_the_next_are_named() -> None:
    near, nearer = past(30, change=0.5), past(31)
    assert find_alike(signature(), [*OTHERS, near, nearer]) == [nearer, near]
    found = with_precedent(NAMED, FINDING, [*OTHERS, near, nearer], UTC)
    assert (line(found) or "").endswith("what 31 was (also like it: #30)")


def test_what_every_incident_has_in_common_says_next_to_nothing() -> None:
    other = signature(object="genre", place=slice_of(device="tv"), check="other", change=3.0)
    rare = [past(n, cause="feed", table="plays").signature for n in range(40)]
    common = [past(n, object="x", check="y").signature for n in range(40)]
    assert similarity(signature(), other, [*rare, other]) > similarity(signature(), other, [*common, other])


SIGNATURES = st.builds(
    Signature,
    cause=st.sampled_from(["feature", "feed", "unknown"]),
    object=st.sampled_from([None, "language", "plays"]),
    place=st.sampled_from([(), slice_of(country="Denmark"), slice_of(country="Denmark", device="tv")]),
    check=st.sampled_from(["one", "two"]),
    table=st.sampled_from(["impressions", "plays"]),
    change=st.floats(-1, 9),
)


@given(SIGNATURES, st.lists(SIGNATURES, max_size=8))
def test_similarity_is_a_share_and_whole_with_itself(now: Signature, others: list[Signature]) -> None:
    for other in others:
        assert 0 <= similarity(now, other, others) <= 1
    if now.object is not None or now.cause == "unknown":
        assert similarity(now, now, [*others, now]) == pytest.approx(1)


@given(SIGNATURES, st.lists(SIGNATURES, max_size=8))
def test_what_is_like_it_is_never_of_another_cause(now: Signature, others: list[Signature]) -> None:
    every = [Past(n, MORNING, one, "") for n, one in enumerate(others)]
    for one in find_alike(now, every):
        assert now.cause in ("unknown", one.signature.cause)


def test_the_signature_is_that_of_the_cause_and_else_of_the_symptom() -> None:
    known, unknown = signature_of(FINDING, NAMED), signature_of(FINDING, Diagnosis(cause=None))
    assert (known.cause, known.object, known.place) == ("feature", "language", slice_of(country="Denmark"))
    assert (unknown.cause, unknown.object, unknown.place) == ("unknown", None, FINDING.slice)


def test_a_precedent_takes_no_part_in_naming_the_cause() -> None:
    material = full()
    wrong: Slice = slice_of(brand="Alba")
    lying = Past(
        9, datetime(2025, 3, 3, tzinfo=UTC), signature(cause="model", object="v7", place=wrong), "a model"
    )
    alone = diagnose(_with(material, ()), 7)
    beside = diagnose(_with(material, (lying, *material.past)), 7)
    assert beside.model_copy(update={"evidence": alone.evidence}) == alone
    assert [one for one in beside.evidence if one.kind != "precedent"] == list(alone.evidence)
    assert line(beside) == "Like incident 12 on 3 May: `rating` was unset; “Fill” closed 86 %"


def _with(material: Any, seen: tuple[Past, ...]) -> Any:
    return replace(material, past=seen)
