"""Ranks a share of logged requests again by the version of the model that served before."""

from __future__ import annotations

from domain.resolution.circumstances import Circumstances
from domain.resolution.price import Price
from domain.resolution.replays.former_model import FORMER_MODEL
from domain.resolution.way import Parameters, Way
from domain.values import Estimate


def _price(given: Parameters, around: Circumstances) -> Price:
    """
    That share of a rollback's effect: requests are assigned to a version at random, whatever is in them.
    """
    whole, share = FORMER_MODEL.price(given, around), float(str(given["share"]))
    return Price(
        _part(whole.repairs, share),
        _part(whole.costs, share),
        share * whole.blast_share,
        whole=None if whole.whole is None else _part(whole.whole, share),
        worst=whole.worst,
        others=None if whole.others is None else _part(whole.others, share),
    )


def _part(whole: Estimate, share: float) -> Estimate:
    if whole.value is None:
        return whole
    scaled = {name: None if (held := getattr(whole, name)) is None else share * held for name in ENDS}
    return whole.model_copy(update={**scaled, "basis": f"{whole.basis}, for {100 * share:.0f} % of requests"})


ENDS = ("value", "low", "high")

SPLIT = Way(name="split", price=_price, undoes="model")
