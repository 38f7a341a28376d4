"""Which candidate is named, and in which order the others follow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from domain.diagnosis.candidates.candidate import Candidate

MARGIN = 0.15  # of score: one that explains and closes nearly as much is not ruled out
BEST = 3


@dataclass(frozen=True)
class Ranking:
    """The one `named`, null where none is established or two are; all of them, the best first."""

    named: Candidate | None
    ordered: tuple[Candidate, ...]

    @property
    def best(self) -> tuple[Candidate, ...]:
        """The first three."""
        return self.ordered[:BEST]


def rank(candidates: Sequence[Candidate]) -> Ranking:
    """
    A cause is named when it is established and no other one with as high a score undoes something else.

    Of those that undo the same, the one furthest upstream is the cause of the others.
    """
    ordered = sorted(candidates, key=lambda one: (not one.established, -one.score, one.upstream))
    established = [one for one in ordered if one.established]
    if not established:
        return Ranking(None, tuple(ordered))
    first = established[0]
    rivals = [one for one in established if one.score > first.score - MARGIN]
    others = [one for one in rivals if not _alike(one, first)]
    same = [one for one in rivals if _alike(one, first)]
    named = min(same, key=lambda one: (one.upstream, -one.score))
    rest = [one for one in ordered if one is not named]
    return Ranking(None if others else named, (named, *rest))


def _alike(one: Candidate, other: Candidate) -> bool:
    """
    Whether both are one cause: the same object in the same slice, or in one within the other; or both undo
    the same cells by as much; where that is not known, having such slices is enough.
    """
    mine, theirs = one.proposal, other.proposal
    if one is other:
        return True
    nested = set(mine.place) <= set(theirs.place) or set(theirs.place) <= set(mine.place)
    if nested and (mine.kind, mine.object) == (theirs.kind, theirs.object):
        return True
    if mine.undone is not None and theirs.undone is not None:
        return mine.undone.like(theirs.undone)
    return nested
