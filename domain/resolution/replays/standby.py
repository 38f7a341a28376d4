"""The rows of a feed's standby, against those of the feed: what a failover would bring back."""

from __future__ import annotations

from domain.resolution.circumstances import Circumstances
from domain.resolution.price import Price
from domain.resolution.way import Parameters, Way, unknown
from domain.values import Estimate


def _price(_given: Parameters, around: Circumstances) -> Price:
    spare = around.standby
    if spare is None or spare.rows_standby <= 0:
        return unknown(around, "the standby holds no rows of this slice")
    lost = spare.rows_standby - spare.rows
    expected = spare.rows / max(1 + around.finding.change, 0.02)
    share = min(max(lost / max(expected - spare.rows, 1e-9), 0.0), 1.0)
    error = 1.645 * (spare.rows_standby**0.5) / max(expected - spare.rows, 1e-9)
    basis = f"the standby has {spare.rows_standby:,.0f} rows where the feed has {spare.rows:,.0f}"
    repairs = Estimate(
        value=100 * share,
        low=100 * max(share - error, 0.0),
        high=100 * min(share + error, 1.0),
        unit="%",
        basis=basis,
    )
    touched = around.finding.affected_share
    costs = Estimate(
        value=0.0, low=0.0, high=0.0, unit="% plays", basis="a feed changes nothing that is served"
    )
    return Price(repairs, costs, 1.0 if touched is None else touched)


STANDBY = Way(name="standby", price=_price, holds="standby", of_feed=True)
