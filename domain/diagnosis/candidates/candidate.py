"""One kind of cause, what it proposes, and a proposal once it has been judged."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from domain.diagnosis.candidates.undone import Undone
from domain.diagnosis.known import Known
from domain.diagnosis.material import Material
from domain.values import Answer, CandidateCause, CauseKind, Slice


@dataclass(frozen=True)
class Proposal:
    """
    An explanation that is put forward.

    Args:
        object: a column, table, delivery, version or item; `place` the slice it acts in.
        title: the culprit in a few words; `sentence` the cause in full, with what was counted.
        acts_in: the slice it acts in, where `place` is a slice of data that was trained on; else null.
        undone: what would be measured without it; null where that cannot be worked out, `unknown` says why.
        where, how_much: answers that its kind measures in another way.
        table: where in the declared lineage it lies; null where it lies in what serves.
        feature, value, items, lacking: what a hotfix needs.
        upstream: how far up it lies, where that differs from its kind.
    """

    kind: CauseKind
    object: str | None
    place: Slice
    since: datetime | None
    title: str
    sentence: str
    acts_in: Slice | None = None
    undone: Undone | None = None
    unknown: str = ""
    where: Answer | None = None
    how_much: Answer | None = None
    table: str | None = None
    feature: str | None = None
    value: str | None = None
    items: tuple[str, ...] = ()
    lacking: bool = False
    upstream: int | None = None


@dataclass(frozen=True)
class Candidate:
    """A proposal with its four answers; `score` (0–1) orders them: what it explains times what it closes."""

    proposal: Proposal
    when: Answer
    where: Answer
    how_much: Answer
    which_way: Answer
    upstream: int

    @property
    def answers(self) -> tuple[Answer, ...]:
        """In the order in which they are read."""
        return self.when, self.where, self.how_much, self.which_way

    @property
    def established(self) -> bool:
        """Whether it explains the slice and closes the gap, and nothing speaks against it."""
        held = self.where.holds is True and self.how_much.holds is True
        return held and self.when.holds is not False and self.which_way.holds is not False

    @property
    def score(self) -> float:
        """0 where an answer speaks against it."""
        if any(answer.holds is False for answer in (self.when, self.which_way)):
            return 0.0
        return _measured(self.where) * _measured(self.how_much)

    def recorded(self) -> CandidateCause:
        """As the diagnosis keeps it."""
        mine = self.proposal
        return CandidateCause(
            kind=mine.kind,
            object=mine.object,
            place=mine.place,
            since=mine.since,
            statement=mine.sentence,
            answers=self.answers,
        )


def _measured(answer: Answer) -> float:
    """A measured share, at most 1; a half where nothing was measured; 0 where it speaks against."""
    if answer.share is not None:
        over = answer.share - 1.0
        return max(0.0, min(answer.share, 1.0) - max(over, 0.0))
    return {True: 1.0, False: 0.0, None: 0.5}[answer.holds]


@dataclass(frozen=True)
class Named:
    """
    What a finding of the fault itself names: its `object`; the `place`, where that is not the finding's
    slice; `sentence`, where it says more than the finding's title; `table`, `feature`, `items` and `lacking`
    as in a proposal.
    """

    object: str | None
    place: Slice | None = None
    sentence: str | None = None
    table: str | None = None
    feature: str | None = None
    items: tuple[str, ...] = ()
    lacking: bool = False


@dataclass(frozen=True)
class CandidateKind:
    """
    A kind of cause.

    Args:
        propose: every explanation of this kind that the material holds; none where it lacks what is needed.
        upstream: its place on the way from feed to log, 0 being furthest up: of two that undo the same, the
            one further up is the cause of the other.
        test: what would decide, where it is not established.
        itself: what a finding of this very kind of fault names; null where that is nothing.
    """

    name: CauseKind
    propose: Callable[[Material, Known], Iterable[Proposal]]
    upstream: int
    test: str
    itself: Callable[[Material, Known], Named | None] | None = None
