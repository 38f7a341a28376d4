"""Logged requests ranked again by the version of the model that served before."""

from __future__ import annotations

from dataclasses import replace

from domain.resolution.circumstances import Circumstances
from domain.resolution.price import Price, price
from domain.resolution.rehearsal import version
from domain.resolution.way import Parameters, Unfit, Way, no_stage, unknown


def _price(_given: Parameters, around: Circumstances) -> Price:
    """
    Expected choices come from the version rolled back to, as the one now serving is in doubt.

    A rollback touches everything that is served, so where nothing is known the price says so.
    """
    stage, former = around.stage, around.replaced.get("model")
    if stage is None:
        return replace(no_stage(around), blast_share=1.0)
    if around.former_scores is None or former is None:
        known = f"the file of version {former.was} is not at hand" if former else "no former version is known"
        return unknown(around, f"not priced: {known}", blast=1.0)
    valued = stage.valued_by(around.former_scores)
    return price(replace(valued, basis=f"{stage.basis}, by version {former.was}"), around.former_scores)


def versions(around: Circumstances) -> dict[str, object] | Unfit:
    """`version` is to serve again instead of `instead_of`. Unfit where no other version was logged before."""
    model = around.replaced.get("model")
    if model is None:
        return Unfit("no version of the model is logged that took over from another")
    return {"version": model.was, "instead_of": model.now}


FORMER_MODEL = Way(
    name="former_model", price=_price, given=versions, undoes="model", rehearsal=version.ROLLED_BACK
)
