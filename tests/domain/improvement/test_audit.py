"""The ML Test Score is that of its lowest section, and the step that raises it most is found."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from domain.answer import Audit, Proof
from domain.improvement.audit import audit, best_step, score_of, steps, sums_of, taken
from domain.improvement.evidenced import of_checks
from domain.improvement.rubric import BY_ID, POINTS, RUBRIC, SECTIONS
from domain.recommender.check import Check
from domain.recommender.recommender import Recommender
from domain.recommender.table import Table
from domain.values import How
from workers.declaration.check_kinds import ours

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
VIEWS = Table(name="views", path="views/*.parquet", time="at", dimensions=("country",))
BARE = Recommender(name="cinema", tables={"views": VIEWS})
HOWS: tuple[How | None, ...] = (None, "manual", "automatic")


def vouched(test: str, how: How | None = "automatic", **more: Any) -> Proof:
    return Proof.model_validate({"test": test, "source": "person", "how": how, "says": "so", **more})


def audited(*proofs: Proof, recommender: Recommender = BARE) -> Audit:
    return audit(recommender, proofs, ours(), NOON)


def points_of(found: Audit) -> dict[str, float]:
    return {one.test.id: one.points for part in found.parts for one in part.tests}


PROOFS = st.lists(st.builds(vouched, st.sampled_from(sorted(BY_ID)), st.sampled_from(HOWS)), max_size=60)


@given(PROOFS)
def test_the_score_is_the_lowest_sum_in_half_points_from_nothing_to_seven(proofs: list[Proof]) -> None:
    found = audited(*proofs)
    assert found.score == min(part.points for part in found.parts)
    assert [part.points for part in found.parts] == [sum(one.points for one in p.tests) for p in found.parts]
    assert found.lowest == tuple(part.section for part in found.parts if part.points == found.score)
    assert 0.0 <= found.score <= 7.0
    assert (2 * found.score).is_integer()


@given(PROOFS, st.data())
def test_the_score_never_rises_when_something_that_spoke_for_it_is_gone(
    proofs: list[Proof], data: st.DataObject
) -> None:
    kept = data.draw(st.lists(st.sampled_from(proofs), unique_by=id)) if proofs else []
    before, after = audited(*proofs), audited(*kept)
    assert after.score <= before.score
    assert all(left.points <= had.points for left, had in zip(after.parts, before.parts, strict=True))


@given(PROOFS)
def test_what_the_step_promises_is_what_comes_of_it_and_no_other_step_lifts_the_score_higher(
    proofs: list[Proof],
) -> None:
    found = audited(*proofs)
    had = points_of(found)
    if found.step is None:
        assert set(had.values()) == {1.0}
        return
    done = audited(*proofs, *(vouched(test, found.step.how) for test in found.step.tests))
    assert done.score == found.step.score >= found.score
    judged = [one for part in found.parts for one in part.tests]
    assert all(other.score <= found.step.score for other in steps(BARE, judged, ours()))
    one_test = max(score_of(taken(had, (test,), "automatic")) for test in had)
    assert found.step.score >= one_test


@given(PROOFS)
def test_following_the_step_again_and_again_ends_with_everything_tested(proofs: list[Proof]) -> None:
    kept = list(proofs)
    for _ in range(len(RUBRIC) + 1):
        step = audited(*kept).step
        if step is None:
            break
        kept += [vouched(test, step.how) for test in step.tests]
    assert audited(*kept).score == 7.0


def test_the_strongest_word_on_a_test_counts_and_stands_first() -> None:
    found = audited(vouched("infra-1", None), vouched("infra-1"), vouched("infra-1", "manual"))
    (one,) = [one for part in found.parts for one in part.tests if one.test.id == "infra-1"]
    assert one.points == 1.0
    assert [proof.how for proof in one.proofs] == ["automatic", "manual", None]


def test_without_anything_the_score_is_nothing_and_the_step_lifts_most_sections_at_once() -> None:
    found = audited()
    assert found.score == 0.0
    assert found.lowest == tuple(SECTIONS)
    assert found.reading == "more of a research project than a production system"
    assert found.step is not None
    assert found.step.does == 'Declare a check of `kind = "schema"`.'
    assert found.step.tests == ours()["schema"].evidences
    assert found.step.score == 0.0  # infrastructure and the model are at nothing still


def test_where_one_section_is_behind_the_step_is_in_it() -> None:
    proofs = [vouched(test.id) for test in RUBRIC if test.section != "infra"]
    found = audited(*proofs, vouched("infra-1"))
    assert (found.score, found.lowest) == (1.0, ("infra",))
    assert found.step is not None
    assert found.step.tests == ("infra-2",)
    assert found.step.score == 2.0
    assert found.step.command == "recsysops audit attest infra-2 --link URL --until DATE"


def test_what_is_there_already_is_fixed_before_anything_new_is_made() -> None:
    check = Check(name="columns", kind="schema", table="views")
    recommender = BARE.model_copy(update={"checks": {"columns": check}})
    found = audited(*of_checks(recommender, {}, ours(), NOON), recommender=recommender)
    assert found.step is not None
    assert found.step.does == (
        "Let a check run until it has enough history: columns (schema of views): "
        "no check run in the last 28 days."
    )


def lacking(lacks: str, how: How | None, shadow: bool = False) -> Audit:
    check = Check(name="columns", kind="schema", table="views", shadow=shadow)
    recommender = BARE.model_copy(update={"checks": {"columns": check}})
    speaks = {"source": "check", "lacks": lacks, "name": "columns"}
    others = (vouched(test.id) for test in RUBRIC if test.id != "data-1")
    return audited(vouched("data-1", how, **speaks), *others, recommender=recommender)


def test_a_check_in_the_shadow_is_let_out_and_a_broken_one_fixed() -> None:
    promote, fix = lacking("voice", "manual", shadow=True).step, lacking("health", None).step
    assert promote is not None and fix is not None
    assert promote.command == "recsysops check promote columns"
    assert fix.does == "Fix a check: so."
    assert fix.command == "recsysops check run columns"


def test_a_check_in_the_shadow_that_is_fixed_still_counts_half_only() -> None:
    judged = [one for part in lacking("health", None, shadow=True).parts for one in part.tests]
    check = Check(name="columns", kind="schema", table="views", shadow=True)
    recommender = BARE.model_copy(update={"checks": {"columns": check}})
    (fix,) = [step for step in steps(recommender, judged, ours()) if step.does.startswith("Fix")]
    assert (fix.how, fix.score) == ("manual", 6.5)


def test_what_expired_is_to_be_vouched_for_again() -> None:
    proofs = [vouched(test.id) for test in RUBRIC if test.id != "infra-3"]
    found = audited(*proofs, vouched("infra-3", None, lacks="renewal"))
    assert found.step is not None
    assert "attest it again: its attestation has expired" in found.step.does
    assert found.step.score == 7.0


def test_where_everything_is_tested_nothing_is_left_to_do() -> None:
    found = audited(*(vouched(test.id) for test in RUBRIC))
    assert (found.score, found.step) == (7.0, None)


def test_of_equal_steps_the_first_is_taken() -> None:
    points = dict.fromkeys(BY_ID, 0.0)
    found = steps(BARE, [one for part in audited().parts for one in part.tests], ours())
    assert best_step([], points) is None
    twice = [step for step in found if step.tests == ("monitor-4",)]
    assert best_step(twice, points) == twice[0]
    assert sums_of(points) == dict.fromkeys(SECTIONS, 0.0)
    assert POINTS["manual"] < POINTS["automatic"]


def test_a_check_that_looks_at_everything_at_once_is_asked_to_look_by_slice() -> None:
    check = Check(name="ranking", kind="metric", table="views", options={"metric": "auc"})
    recommender = BARE.model_copy(update={"checks": {"ranking": check}})
    others = [vouched(test.id) for test in RUBRIC if test.id not in ("model-6", "monitor-7")]
    well = vouched("monitor-7", source="check", name="ranking")
    step = audited(well, *others, recommender=recommender).step
    assert step is not None
    assert step.does == "Have the check ranking judge each slice: give it `dimensions`."
    assert (step.tests, step.score) == (("model-6",), 7.0)
    blind = vouched("monitor-7", None, source="check", name="ranking", lacks="health")
    fixed = audited(blind, *others, vouched("model-6"), recommender=recommender).step
    assert fixed is not None
    assert fixed.does == "Fix a check: so."
