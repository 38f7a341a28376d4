"""Adds an amount to the score of every candidate in a slice of logged requests, which are ranked again."""

from __future__ import annotations

from domain.resolution.circumstances import Circumstances
from domain.resolution.price import Price, price
from domain.resolution.replays.logged_slice import in_slice, slice_given
from domain.resolution.way import Parameters, Way, no_stage, unknown


def _price(given: Parameters, around: Circumstances) -> Price:
    stage = around.stage
    if stage is None:
        return no_stage(around)
    inside = in_slice(stage.traffic, slice_given(given))
    if inside is None:
        return unknown(around, "not from the log: a dimension of the slice is not logged")
    return price(stage, stage.now + float(str(given["amount"])) * inside)


OFFSET = Way(name="score_offset", price=_price)
