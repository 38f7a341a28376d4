"""Adds an amount to the score of the items concerned in logged requests, which are ranked again."""

from __future__ import annotations

from domain.resolution.circumstances import Circumstances
from domain.resolution.price import Price, amount_to_repair, price
from domain.resolution.rehearsal import shift
from domain.resolution.rehearsal.planted import Rehearsal
from domain.resolution.way import Parameters, Way, no_stage

UNPRICED_AMOUNT = 1.0
"""What is added, in the score's unit, where none is declared and none can be found by replay."""


def amount_for(declared: float | None, around: Circumstances) -> float:
    """The amount to add: as declared, else what restores the items' exposure."""
    if declared is not None:
        return declared
    found = amount_to_repair(around.stage) if around.stage is not None else None
    return UNPRICED_AMOUNT if found is None else found


def _price(given: Parameters, around: Circumstances) -> Price:
    stage = around.stage
    if stage is None:
        return no_stage(around)
    declared = given.get("amount")
    amount = float(str(declared)) if declared else amount_for(None, around)
    return price(stage, stage.now + amount * stage.concerned)


BOOST = Way(
    name="boost_items",
    price=_price,
    on_items=True,
    rehearsal=Rehearsal(shift.on_items(None), shift.boosted),
)
