"""Adds an amount to the score of everything in a slice, for a feature value that is ranked wrongly."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from domain.diagnosis.replay import Floats
from domain.recommender.hotfix import DeclaredHotfix
from domain.resolution.circumstances import Circumstances
from domain.resolution.hook import Hook, called
from domain.resolution.kind import Kind
from domain.resolution.rehearsal import shift
from domain.resolution.rehearsal.planted import Planted, Rehearsal
from domain.resolution.replays.logged_slice import in_slice, whole_requests
from domain.resolution.replays.offset import OFFSET
from domain.resolution.way import Parameters, Unfit
from domain.values import Slice, slice_of


class Keys(Hook):
    """`amount`: what is added, in the score's unit; `of`: the slice, by default the symptom's."""

    amount: float
    """What is added to the score, in its unit."""
    of: dict[str, str] = Field(default_factory=dict)
    """Slice that it is added in; by default the symptom's."""


def given(hotfix: DeclaredHotfix, keys: Keys, around: Circumstances) -> dict[str, object] | Unfit:
    """Unfit where it would change no order: all candidates of a request lie in the slice, or none."""
    where = slice_of(**keys.of) or around.slice
    if not where:
        return Unfit("no slice is concerned that it could act on")
    inside = in_slice(around.stage.traffic, where) if around.stage is not None else None
    if around.stage is not None and inside is not None:
        if not inside.any():
            return Unfit("nothing that is logged lies in its slice")
        if whole_requests(around.stage.traffic, inside):
            return Unfit("its slice holds whole requests, in which an amount added to all changes no order")
    return {"hook": called(hotfix, keys), "slice": dict(where), "amount": keys.amount}


def changes(keys: Keys, parameters: Parameters) -> Iterator[str]:
    """Says that the amount or slice is not the one that was offered."""
    if keys.amount != parameters.get("amount"):
        yield f"its amount is {keys.amount}, not {parameters.get('amount')}"
    if keys.of and keys.of != parameters.get("slice"):
        yield f"it is of {keys.of}, not {parameters.get('slice')}"


def rehearse(_hotfix: DeclaredHotfix, keys: Keys) -> Rehearsal | Unfit:
    """Rehearse on its slice, scored wrongly by about its amount in the opposite direction."""
    where = slice_of(**keys.of)
    if not where:
        return Unfit("it acts on whatever slice an incident has; name one in `of` to have it rehearsed")
    says = " and ".join(f"{name} = {value}" for name, value in where)
    plant = shift.in_slice(keys.amount, says, lambda traffic: in_slice(traffic, where))
    return Rehearsal(plant, lambda _given, planted: _served(planted, keys.amount, where))


def _served(planted: Planted, amount: float, where: Slice) -> Floats:
    """Exposure with the amount added to the slice."""
    inside = in_slice(planted.healthy.traffic, where)
    return planted.healthy.traffic.exposure(planted.scores + amount * (0.0 if inside is None else inside))


KIND = Kind(
    name="score_offset",
    purpose="adds to the score of whatever lies in a slice",
    options=Keys,
    example={"amount": 0.5, "of": {"genre": "drama"}},
    given=given,
    way=OFFSET,
    called=called,
    changes=changes,
    by_slice=True,
    rehearse=rehearse,
)
