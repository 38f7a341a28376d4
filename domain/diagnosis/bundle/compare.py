"""Compares a diagnosis with the same one made again: nothing differs, or these lines do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from difflib import SequenceMatcher
from typing import Any

from domain.bundle import Differs
from domain.values import CandidateCause, Diagnosis, Evidence, name_slice

MOST_NAMED = 3
FIELDS: tuple[str, ...] = (
    "cause",
    "cause_kind",
    "object",
    "place",
    "title",
    "since",
    "slices",
    "items",
    "feature",
    "suggested_value",
    "discriminating_test",
)
"""Fields compared as they are. The duration and the picture's digest are not part of the result."""


def compare(then: Diagnosis, now: Diagnosis) -> tuple[Differs, ...]:
    """The differences: field by field, then candidate by candidate, then evidence line by line."""
    changed = tuple(
        _field(name, getattr(then, name), getattr(now, name))
        for name in FIELDS
        if getattr(then, name) != getattr(now, name)
    )
    return (
        *changed,
        *_lines("candidate", then.candidates, now.candidates, _candidate),
        *_lines("evidence", then.evidence, now.evidence, _evidence),
    )


def _field(name: str, before: object, after: object) -> Differs:
    what = name.replace("_", " ")
    if name == "items" and isinstance(before, tuple) and isinstance(after, tuple):
        gone, new = sorted({*before} - {*after}), sorted({*after} - {*before})
        if not gone and not new:
            what = "order of the items"
        return Differs(what=what, then=_items(gone, len(before)), now=_items(new, len(after)))
    return Differs(what=what, then=_text(before), now=_text(after))


def _items(only: list[str], count: int) -> str:
    """How many there are, and those that only one side has."""
    named = ", ".join(only[:MOST_NAMED])
    more = f" and {len(only) - MOST_NAMED} more" if len(only) > MOST_NAMED else ""
    return f"{count}" + (f", {named}{more} among them" if only else "")


def _lines(
    what: str,
    then: Sequence[CandidateCause] | Sequence[Evidence],
    now: Sequence[CandidateCause] | Sequence[Evidence],
    words_of: Callable[..., str],
) -> tuple[Differs, ...]:
    before, after = [words_of(one) for one in then], [words_of(one) for one in now]
    found = []
    for tag, i, j, k, m in SequenceMatcher(a=before, b=after, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        for place in range(max(j - i, m - k)):
            one = before[i + place] if i + place < j else None
            other = after[k + place] if k + place < m else None
            found.append(Differs(what=what, then=one, now=other))
    return tuple(found)


def _candidate(one: CandidateCause) -> str:
    answers = "; ".join(
        f"{answer.question} {answer.holds} {'' if answer.share is None else answer.share} {answer.words}"
        for answer in one.answers
    )
    since = f", since {one.since}" if one.since else ""
    return f"{one.kind} {one.object or ''} {name_slice(one.place)}{since}: {one.statement} ({answers})"


def _evidence(one: Evidence) -> str:
    share = "" if one.strength is None else f" [{one.strength!r}]"
    table = f" {one.table}" if one.table else ""
    return f"{one.kind}: {one.statement}{share}{table}"


def _text(value: object) -> str | None:
    if value is None or value == ():
        return None
    return _slices(value) if isinstance(value, tuple) else str(value)


def _slices(value: tuple[Any, ...]) -> str:
    """One slice, or several."""
    one = isinstance(value[0][0], str) if value[0] else False
    return name_slice(value) if one else "; ".join(name_slice(each) for each in value)
