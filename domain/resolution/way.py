"""A way of pricing a hotfix, as its `replay` names it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from domain.resolution.circumstances import Circumstances, Serves
from domain.resolution.price import Price
from domain.resolution.rehearsal.planted import Rehearsal
from domain.values import Estimate

NOT_KNOWN = "not from the log"

Parameters = Mapping[str, object]
Pricing = Callable[[Parameters, Circumstances], Price]


@dataclass(frozen=True)
class Unfit:
    """Why a hotfix is not offered, as a sentence that starts with its label."""

    why: str


@dataclass(frozen=True, kw_only=True)
class Way:
    """
    One way of pricing.

    Args:
        name: as written in `replay.kind`.
        price: the trade-off of what is handed over, where something is wrong now.
        forecast: the same for an upcoming launch; null where nothing is known about it.
        given: what else the deployer is handed, to do what is priced; or, where it cannot, why not.
        undoes: what is served as it was before again, if that is what it prices.
        holds: what the replay's `table` holds: each delivery of the items, or a second copy of a feed's rows.
        of_feed: whether it is priced by the rows of a feed, whatever the finding is about.
        on_items: whether it only changes how the named items are served.
        rehearsal: how a receiver that does this is rehearsed, or why it cannot be; null: not stated.
    """

    name: str
    price: Pricing
    forecast: Pricing | None = None
    given: Callable[[Circumstances], dict[str, object] | Unfit] = field(default=lambda _around: {})
    holds: Literal["deliveries", "standby"] | None = None
    undoes: Serves | None = None
    of_feed: bool = False
    on_items: bool = False
    rehearsal: Rehearsal | Unfit | None = None

    def priced(self, given: Parameters, around: Circumstances) -> Price:
        """The trade-off of a hotfix that hands `given` over; unknown where there is nothing to replay."""
        if self.of_feed:
            return self.price(given, around)
        if around.finding.kind == "predicted":
            if self.forecast is not None:
                return self.forecast(given, around)
            return unknown(around, NOT_KNOWN, blast=0.0 if self.on_items else 1.0)
        return self.price(given, around)


def unknown(around: Circumstances, why: str, blast: float | None = None) -> Price:
    """The price where nothing is known: everybody may be touched then, so a second person decides."""
    touched = around.finding.affected_share if blast is None else blast
    nothing = Estimate(value=None, unit="%", basis=why)
    return Price(nothing, nothing, 1.0 if touched is None else touched)


def no_stage(around: Circumstances) -> Price:
    """The price where no traffic can be replayed."""
    return unknown(around, around.no_stage or NOT_KNOWN)
