"""
What was said of a fault, compared with its truth: right, right in part, wrong, or nothing named.

The truth is what the fault itself says it struck. No check and no diagnosis reads it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from domain.values import Diagnosis, Finding, Slice, name_slice

Verdict = Literal["right", "in part", "wrong", "unnamed"]
_WORDS = re.compile(r"[^\w-]+")


@dataclass(frozen=True)
class Truth:
    """
    What is true of a fault.

    Attributes:
        kind:    of cause; `world` where nothing is wrong.
        objects: names of the object, any of which is right; empty where it has none.
        places:  slices, any of which is right; `((),)` is everywhere.
        also:    kinds that are right as well.
    """

    kind: str
    objects: tuple[str, ...] = ()
    places: tuple[Slice, ...] = ((),)
    also: tuple[str, ...] = ()

    def words(self) -> str:
        """The truth in a few words."""
        where = " or ".join(name_slice(place) for place in self.places)
        return f"{self.kind} of {self.objects[0] if self.objects else 'nothing'}, {where}"


@dataclass(frozen=True)
class Said:
    """What a diagnosis names; `kind` is `unknown` where it names nothing."""

    kind: str
    object: str | None = None
    place: Slice = ()

    def words(self) -> str:
        """What was named, in a few words."""
        return (
            "nothing" if self.kind == "unknown" else f"{self.kind} of {self.object}, {name_slice(self.place)}"
        )


def said(diagnosis: Diagnosis) -> Said:
    """What a diagnosis names: a kind without a sentence is no cause, nor is a sentence without a kind."""
    if diagnosis.cause is None or diagnosis.cause_kind == "unknown":
        return Said("unknown")
    return Said(diagnosis.cause_kind, diagnosis.object, diagnosis.place)


def judge(truth: Truth, what: Said) -> Verdict:
    """
    The verdict on one diagnosis. Kind, object and place all have to be right. With the right kind, leaving
    something out, or naming a place that contains the true one or lies in it, is right in part; anything else
    that is named is wrong.

    >>> truth = Truth("feed", ("plays",), ((("region", "north"),),))
    >>> judge(truth, Said("feed", "plays", (("region", "north"),)))
    'right'
    >>> judge(truth, Said("feed", "plays"))
    'in part'
    >>> judge(truth, Said("feature", "rating", (("region", "north"),)))
    'wrong'
    """
    if what.kind == "unknown":
        return "unnamed"
    if what.kind not in (truth.kind, *truth.also):
        return "wrong"
    if truth.kind == "world":
        return "right"
    named = not truth.objects or (what.object is not None and names(what.object, truth.objects))
    if named and any(set(what.place) == set(place) for place in truth.places):
        return "right"
    meets = any(nested(what.place, place) for place in truth.places)
    return "in part" if meets and (named or what.object is None) else "wrong"


def names(what: str, objects: tuple[str, ...]) -> bool:
    """
    Whether one of the objects is named, alone or as a part of a dotted or spoken name.

    >>> names("plays.played_at", ("played_at",)), names("plays_standby", ("plays",))
    (True, False)
    """
    return what in objects or bool(set(_WORDS.split(what)) & set(objects))


def nested(one: Slice, other: Slice) -> bool:
    """Whether one slice contains the other."""
    return set(one) <= set(other) or set(other) <= set(one)


def about(truth: Truth, where: Slice, subject: str | None) -> bool:
    """
    Whether a title with this slice and subject names the culprit: its object, or its place, a part of its
    place or what contains it. Where the fault strikes everywhere, a single slice is a victim.

    >>> about(Truth("feature", ("rating",), ((("country", "France"),),)), (("country", "Italy"),), None)
    False
    """
    if subject is not None and names(subject, truth.objects):
        return True
    if any(place == () for place in truth.places):
        return where == ()
    return where != () and any(nested(where, place) for place in truth.places)


def on_top(truth: Truth, finding: Finding, diagnosis: Diagnosis | None) -> bool:
    """Whether an incident is titled after the culprit: by its diagnosis, otherwise by its finding."""
    if diagnosis is not None and diagnosis.title is not None:
        return about(truth, diagnosis.place, diagnosis.object)
    return about(truth, finding.slice, finding.subject)
