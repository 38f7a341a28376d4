"""Takes the items concerned out of logged requests, which are ranked again without them."""

from __future__ import annotations

from domain.resolution.circumstances import Circumstances
from domain.resolution.price import Price, price
from domain.resolution.rehearsal import shift
from domain.resolution.rehearsal.planted import Rehearsal
from domain.resolution.way import Parameters, Way, no_stage


def _price(_given: Parameters, around: Circumstances) -> Price:
    stage = around.stage
    if stage is None:
        return no_stage(around)
    missing = stage.traffic.rows.loc[stage.concerned, stage.traffic.columns.item].nunique()
    note = f"; {missing:,} {around.noun} gone"
    return price(stage, stage.now, gone=stage.concerned, note=note)


BLOCK = Way(
    name="block_items",
    price=_price,
    on_items=True,
    rehearsal=Rehearsal(shift.too_high(None), shift.blocked),
)
