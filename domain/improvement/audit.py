"""
The ML Test Score of a recommender: what counts, where the gaps are, and which step would raise it most.

The score is the lowest of the four sections' sums, so good tests in one section cannot make up for missing
ones in another. Source: see `domain.improvement.rubric`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from domain.answer import Audit, Criterion, Part, Proof, ScoredTest, Section, Step
from domain.improvement.evidenced import Kinds, evidenced_by
from domain.improvement.rubric import POINTS, RUBRIC, SECTIONS, reading
from domain.recommender.recommender import Recommender
from domain.values import How, Moment


def audit(recommender: Recommender, proofs: Iterable[Proof], kinds: Kinds, at: Moment) -> Audit:
    """The audit that follows from these proofs."""
    speaking: dict[str, list[Proof]] = {test.id: [] for test in RUBRIC}
    for proof in proofs:
        speaking[proof.test].append(proof)
    judged = [_judge(test, speaking[test.id]) for test in RUBRIC]
    points = {one.test.id: one.points for one in judged}
    sums = sums_of(points)
    parts = tuple(
        Part(
            section=section,
            name=name,
            points=sums[section],
            tests=tuple(one for one in judged if one.test.section == section),
        )
        for section, name in SECTIONS.items()
    )
    score = score_of(points)
    return Audit(
        at=at,
        score=score,
        reading=reading(score),
        parts=parts,
        lowest=tuple(section for section in SECTIONS if sums[section] == score),
        step=best_step(steps(recommender, judged, kinds), points),
    )


def sums_of(points: Mapping[str, float]) -> dict[Section, float]:
    """Section → the sum of its tests' points."""
    return {
        section: sum(points[test.id] for test in RUBRIC if test.section == section) for section in SECTIONS
    }


def score_of(points: Mapping[str, float]) -> float:
    """The score for these points of all tests: the lowest section's sum."""
    return min(sums_of(points).values())


def _judge(test: Criterion, proofs: Sequence[Proof]) -> ScoredTest:
    strongest = sorted(proofs, key=worth, reverse=True)
    return ScoredTest(test=test, points=max(map(worth, proofs), default=0.0), proofs=tuple(strongest))


def worth(proof: Proof) -> float:
    """The points of one proof."""
    return POINTS[proof.how] if proof.how else 0.0


def best_step(candidates: Iterable[Step], points: Mapping[str, float]) -> Step | None:
    """
    The step that leaves the lowest section highest, then the second lowest, and so on; the first of equals.
    Where two sections are lowest, no single step may raise the score; this one is a start.
    """
    return max(
        candidates,
        key=lambda step: sorted(sums_of(taken(points, step.tests, step.how)).values()),
        default=None,
    )


def taken(points: Mapping[str, float], tests: Collection[str], how: How) -> dict[str, float]:
    """The points once there is evidence for these tests."""
    return {test: max(had, POINTS[how]) if test in tests else had for test, had in points.items()}


def steps(recommender: Recommender, judged: Sequence[ScoredTest], kinds: Kinds) -> list[Step]:
    """Everything that can be done, easiest first: what exists already, then new checks, then people."""
    points = {one.test.id: one.points for one in judged}
    found = (
        *_with_what_is_there(recommender, judged),
        *_rehearsed(judged),
        *_by_slice(recommender, judged, kinds),
        *_new_checks(recommender, kinds),
        *_people(judged),
    )
    return [
        Step(does=does, command=command, tests=tests, how=how, score=score_of(after))
        for does, command, tests, how in found
        if (after := taken(points, tests, how)) != points
    ]


Found = tuple[str, str | None, tuple[str, ...], How]


def _with_what_is_there(recommender: Recommender, judged: Sequence[ScoredTest]) -> Iterator[Found]:
    lacking: dict[str, list[Proof]] = {}
    for one in judged:
        for proof in one.proofs:
            if proof.source == "check" and proof.lacks and proof.name:
                lacking.setdefault(proof.name, []).append(proof)
    for name, proofs in sorted(lacking.items()):
        tests, says = tuple(proof.test for proof in proofs), proofs[0].says
        heard: How = "manual" if recommender.checks[name].shadow else "automatic"
        match proofs[0].lacks:
            case "time":
                yield f"Let a check run until it has enough history: {says}.", None, tests, heard
            case "voice":
                does = f"Take the check {name} out of shadow mode, so that it alerts people."
                yield does, f"recsysops check promote {name}", tests, "automatic"
            case _:
                yield f"Fix a check: {says}.", f"recsysops check run {name}", tests, heard


def _rehearsed(judged: Sequence[ScoredTest]) -> Iterator[Found]:
    lacking: dict[str, list[Proof]] = {}
    for one in judged:
        for proof in one.proofs:
            if proof.source == "rehearsals" and proof.lacks and proof.name:
                lacking.setdefault(proof.name, []).append(proof)
    for name, proofs in sorted(lacking.items()):
        tests, does = tuple(proof.test for proof in proofs), f"Fix a hotfix: {proofs[0].says}."
        yield does, f"recsysops rehearse --hotfix {name}", tests, "automatic"


def _by_slice(recommender: Recommender, judged: Sequence[ScoredTest], kinds: Kinds) -> Iterator[Found]:
    well = {proof.name for one in judged for proof in one.proofs if proof.how == "automatic"}
    for check in recommender.checks.values():
        tests = evidenced_by(recommender, check, kinds)
        by_slice = kinds[check.kind].by_slice if check.kind in kinds else ()
        more = tuple(test for test in by_slice if test not in tests)
        if more and check.name in well:
            does = f"Have the check {check.name} judge each slice: give it `dimensions`."
            yield does, None, more, "automatic"


def _new_checks(recommender: Recommender, kinds: Kinds) -> Iterator[Found]:
    declared = {check.kind for check in recommender.checks.values()}
    for kind, says in kinds.items():
        tests, more = says.evidences, says.by_slice
        if kind not in declared and (tests or more):
            by_slice = ", by slice" if more else ""
            yield f'Declare a check of `kind = "{kind}"`{by_slice}.', None, (*tests, *more), "automatic"


def _people(judged: Sequence[ScoredTest]) -> Iterator[Found]:
    for one in judged:
        test, name = one.test.id, f"{one.test.name[0].lower()}{one.test.name[1:]}"
        expired = any(proof.lacks == "renewal" for proof in one.proofs)
        again = " again: its attestation has expired" if expired else ""
        does = f"Automate {test} ({name}) and attest it{again}."
        yield does, f"recsysops audit attest {test} --link URL --until DATE", (test,), "automatic"
