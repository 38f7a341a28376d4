"""Adds an amount to the score of the items concerned, whatever the model thinks of them."""

from __future__ import annotations

from collections.abc import Iterator

from domain.recommender.hotfix import DeclaredHotfix
from domain.resolution.circumstances import Circumstances
from domain.resolution.kind import NOTHING_NAMED, Kind
from domain.resolution.rehearsal import shift
from domain.resolution.rehearsal.planted import Rehearsal
from domain.resolution.replays.boost import BOOST, amount_for
from domain.resolution.way import Parameters, Unfit
from domain.values import Value


class Keys(Value):
    """`amount`: what is added, in the score's unit; by default what restores the items' exposure."""

    amount: float | None = None
    """What is added to the score, in its unit; by default what restores the items' exposure."""


def given(hotfix: DeclaredHotfix, keys: Keys, around: Circumstances) -> dict[str, object] | Unfit:
    """Unfit where no items are concerned."""
    if not around.items:
        return NOTHING_NAMED
    promised = hotfix.replay.amount if hotfix.replay else None
    declared = keys.amount if keys.amount is not None else promised
    return {"items": around.items, "amount": amount_for(declared, around)}


def changes(keys: Keys, parameters: Parameters) -> Iterator[str]:
    """Says that the amount is not the one that was offered."""
    if keys.amount not in (None, parameters.get("amount")):
        yield f"its amount is {keys.amount}, not {parameters.get('amount')}"


def rehearse(hotfix: DeclaredHotfix, keys: Keys) -> Rehearsal:
    """Rehearse on items scored too low by about the declared amount."""
    promised = hotfix.replay.amount if hotfix.replay else None
    amount = keys.amount if keys.amount is not None else promised
    return Rehearsal(shift.on_items(amount), shift.boosted)


KIND = Kind(
    name="boost_items",
    purpose="adds to the score of the items concerned",
    options=Keys,
    example={"amount": 1.0},
    given=given,
    way=BOOST,
    changes=changes,
    rehearse=rehearse,
)
