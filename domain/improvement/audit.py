"""
The ML Test Score of a recommender: what counts for each test, and where the gaps are.

The score is the lowest of the four sections' sums, so good tests in one section cannot make up for missing
ones in another. Source: see `domain.improvement.rubric`.
"""

from __future__ import annotations

from collections.abc import Iterable

from domain.answer import Audit, Criterion, Part, Proof, ScoredTest
from domain.improvement.rubric import POINTS, RUBRIC, SECTIONS, reading
from domain.values import Moment


def audit(proofs: Iterable[Proof], at: Moment) -> Audit:
    """The audit that follows from these proofs."""
    speaking: dict[str, list[Proof]] = {test.id: [] for test in RUBRIC}
    for proof in sorted(proofs, key=worth, reverse=True):
        speaking[proof.test].append(proof)
    judged = [_judge(test, speaking[test.id]) for test in RUBRIC]
    parts = []
    for section, name in SECTIONS.items():
        tests = tuple(one for one in judged if one.test.section == section)
        points = sum(one.points for one in tests)
        parts.append(Part(section=section, name=name, points=points, tests=tests))
    score = min(part.points for part in parts)
    return Audit(
        at=at,
        score=score,
        reading=reading(score),
        parts=tuple(parts),
        lowest=tuple(part.section for part in parts if part.points == score),
    )


def _judge(test: Criterion, strongest_first: list[Proof]) -> ScoredTest:
    points = max(map(worth, strongest_first), default=0.0)
    return ScoredTest(test=test, points=points, proofs=tuple(strongest_first))


def worth(proof: Proof) -> float:
    """The points of one proof."""
    return POINTS[proof.how] if proof.how else 0.0
