"""Sets a feature of the items concerned to its value in logged requests, which are ranked again."""

from __future__ import annotations

from domain.resolution.circumstances import Circumstances
from domain.resolution.price import Price, price
from domain.resolution.rehearsal import unset
from domain.resolution.way import NOT_KNOWN, Parameters, Way, no_stage, unknown
from domain.values import Estimate


def _price(_given: Parameters, around: Circumstances) -> Price:
    stage = around.stage
    if stage is None:
        return no_stage(around)
    if not stage.derived or stage.feature is None:
        return unknown(around, NOT_KNOWN)
    usual = str(around.diagnosis.suggested_value)
    values = {item: around.former.get(item, usual) for item in around.diagnosis.items}
    return price(stage, stage.filled(values))


def _forecast(_given: Parameters, around: Circumstances) -> Price:
    """What a launch would regain of its forecast loss; the interval is the repaired forecast's."""
    if around.repaired is None:
        return unknown(around, NOT_KNOWN, blast=0.0)
    forecast = around.repaired
    gap = forecast.comparable - forecast.now

    def share(count: float) -> float:
        return 100 * min(max((count - forecast.now) / gap, 0.0), 1.0) if gap > 0 else 0.0

    repairs = Estimate(
        value=share(forecast.value),
        low=share(forecast.low),
        high=share(forecast.high),
        unit="%",
        basis=f"forecast {forecast.basis}: {forecast.value:,.0f} [{forecast.low:,.0f}–{forecast.high:,.0f}] "
        f"{around.finding.counted_in} instead of {forecast.now:,.0f}",
    )
    none = Estimate(value=None, unit="%", basis="it is not served before its launch")
    return Price(repairs, none, 0.0)


FILL = Way(
    name="fill_feature",
    price=_price,
    forecast=_forecast,
    on_items=True,
    rehearsal=unset.rehearsal_of(None),
)
