"""What rehearsals showed: which are recorded, the newest ones, and what they prove for the ML Test Score."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from domain.answer import Lacks, Proof
from domain.incident import events as e
from domain.recommender.hotfix import DeclaredHotfix
from domain.recommender.recommender import Recommender
from domain.values import How, Moment, Value

ROLLBACK = "infra-7"
"""The rubric's test that a bad version or delivery can be rolled back to the one before it."""

LOOKED_BACK = timedelta(days=28)
LEAST_BY_ITSELF = 2  # rehearsals on schedule: a single one is not a routine
REPAIRS = ("repairs", "misses")


class Rehearsed(Value):
    """A rehearsal from the log: what it showed, when, and whether it ran on schedule."""

    event: e.HotfixRehearsed
    at: Moment
    by_itself: bool


def rehearsed(recorded: Iterable[e.Recorded]) -> tuple[Rehearsed, ...]:
    """All rehearsals in these records, oldest first."""
    return tuple(
        Rehearsed(event=one.event, at=one.at, by_itself=one.actor_kind == "worker")
        for one in recorded
        if isinstance(one.event, e.HotfixRehearsed)
    )


def newest_of(rehearsals: Iterable[Rehearsed]) -> dict[str, Rehearsed]:
    """Hotfix → its newest rehearsal."""
    return {one.event.hotfix: one for one in rehearsals}


def unrecorded(
    standing: Mapping[str, Rehearsed], said: Iterable[e.HotfixRehearsed]
) -> tuple[e.HotfixRehearsed, ...]:
    """The rehearsals to record: a hotfix's first on a day, and any with a different verdict."""
    return tuple(one for one in said if not _known(standing.get(one.hotfix), one))


def _known(before: Rehearsed | None, said: e.HotfixRehearsed) -> bool:
    return before is not None and (before.event.day, before.event.verdict) == (said.day, said.verdict)


def of_rehearsals(recommender: Recommender, rehearsals: Sequence[Rehearsed], at: datetime) -> list[Proof]:
    """
    What rehearsals of the last four weeks prove for rollbacks and for the tests that a hotfix names.

    Counts in full where the hotfix is rehearsed repeatedly on schedule and the newest rehearsal repaired what
    was promised; half where a person ran it, or it repaired another share than was promised.
    """
    proofs: list[Proof] = []
    for hotfix in recommender.hotfixes.values():
        recent = [one for one in rehearsals if one.event.hotfix == hotfix.name and at - one.at <= LOOKED_BACK]
        if not recent:
            continue
        rolls_back = (ROLLBACK,) if recent[-1].event.undoes is not None else ()
        how, lacks, says = _judged(hotfix, recent)
        proofs += (
            Proof(test=test, source="rehearsals", how=how, lacks=lacks, name=hotfix.name, says=says)
            for test in dict.fromkeys((*rolls_back, *hotfix.evidences))
        )
    return proofs


def _judged(hotfix: DeclaredHotfix, recent: Sequence[Rehearsed]) -> tuple[How | None, Lacks | None, str]:
    last, count = recent[-1], "1 rehearsal" if len(recent) == 1 else f"{len(recent)} rehearsals"
    day = f"{last.at.astimezone(UTC):%Y-%m-%d}"
    if last.event.verdict not in REPAIRS:
        does = "repaired nothing" if last.event.verdict == "nothing" else "could not be rehearsed"
        return None, "health", f"“{hotfix.label}” {does} on {day}: {last.event.says}"
    worked = sum(one.event.verdict in REPAIRS for one in recent)
    says = f"“{hotfix.label}” repaired a planted fault in {worked} of {count}, last on {day}"
    again = sum(one.by_itself for one in recent) >= LEAST_BY_ITSELF
    return "automatic" if again and last.event.verdict == "repairs" else "manual", None, says
