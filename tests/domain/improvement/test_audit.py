"""The ML Test Score is that of its lowest section."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from domain.answer import Audit, Proof
from domain.improvement.audit import audit
from domain.improvement.rubric import BY_ID, RUBRIC, SECTIONS
from domain.values import How

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOWS: tuple[How | None, ...] = (None, "manual", "automatic")


def vouched(test: str, how: How | None = "automatic", **more: Any) -> Proof:
    return Proof.model_validate({"test": test, "source": "person", "how": how, "says": "so", **more})


def audited(*proofs: Proof) -> Audit:
    return audit(proofs, NOON)


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


def test_the_strongest_word_on_a_test_counts_and_stands_first() -> None:
    found = audited(vouched("infra-1", None), vouched("infra-1"), vouched("infra-1", "manual"))
    (one,) = [one for part in found.parts for one in part.tests if one.test.id == "infra-1"]
    assert one.points == 1.0
    assert [proof.how for proof in one.proofs] == ["automatic", "manual", None]


def test_without_anything_the_score_is_nothing_and_with_everything_seven() -> None:
    nothing, everything = audited(), audited(*(vouched(test.id) for test in RUBRIC))
    assert (nothing.score, nothing.lowest) == (0.0, tuple(SECTIONS))
    assert nothing.reading == "more of a research project than a production system"
    assert everything.score == 7.0
