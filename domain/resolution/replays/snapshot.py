"""Replays logged requests with items as in a former delivery: newer ones gone, the others as they were."""

from __future__ import annotations

from domain.resolution.circumstances import Circumstances
from domain.resolution.price import Price, price
from domain.resolution.rehearsal import unset
from domain.resolution.way import NOT_KNOWN, Parameters, Unfit, Way, no_stage, unknown


def _price(_given: Parameters, around: Circumstances) -> Price:
    """Items missing from the former snapshot are gone; the others have the values that it holds."""
    stage, previous = around.stage, around.previous
    if stage is None:
        return no_stage(around)
    if previous is None or stage.feature is None or stage.feature not in previous:
        return unknown(around, NOT_KNOWN)
    there = set(previous[around.key].astype(str))
    gone = ~stage.traffic.rows[stage.traffic.columns.item].astype(str).isin(there).to_numpy()
    missing = stage.traffic.rows.loc[gone, stage.traffic.columns.item].nunique()
    note = f"; {missing:,} newer {around.noun} gone" if missing else ""
    known = previous.drop_duplicates(around.key).set_index(around.key)[stage.feature].dropna()
    concerned = set(around.items)
    values = {str(item): str(value) for item, value in known.items() if str(item) in concerned}
    return price(stage, stage.filled(values), gone=gone if gone.any() else None, note=note)


def _given(around: Circumstances) -> dict[str, object] | Unfit:
    """`before` is the delivery that brought the fault; `to` the previous one, which is served again."""
    brought = around.replaced.get("deliveries")
    if brought is None:
        return Unfit("no delivery is known that brought it, so there is none to go back behind")
    return {"before": brought.now, "to": brought.was}


SNAPSHOT = Way(
    name="snapshot",
    price=_price,
    given=_given,
    undoes="deliveries",
    holds="deliveries",
    rehearsal=unset.ROLLED_BACK,
)
