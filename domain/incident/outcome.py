"""What a hotfix repaired, compared with what its option had promised."""

from __future__ import annotations

from math import copysign, sqrt
from statistics import NormalDist
from typing import NamedTuple

from domain.incident.numbers import effect, estimate, percent
from domain.incident.state import Hotfix, Outcome
from domain.incident.state.hotfix import MEASURED_AT
from domain.incident.state.incident import Worth
from domain.values import Estimate, Option

INSIDE = "inside the promise"

SHARES = {"share": 1.0, "%": 100.0}
"""First word of an estimate's unit → the number in that unit that stands for the whole gap."""


def repaired(hotfix: Hotfix, option: Option | None) -> str | None:
    """
    What was repaired at the last look of the watch, with its interval, in the promise's unit; None where that
    was not measured.
    """
    if hotfix.repaired_share is None:
        return None
    if hotfix.low is None or hotfix.high is None:
        return percent(hotfix.repaired_share)
    whole = _whole(option)
    return estimate(
        Estimate(
            value=whole * hotfix.repaired_share,
            low=whole * hotfix.low,
            high=whole * hotfix.high,
            unit="share" if whole == 1.0 else "%",
            basis="the check that raised the alarm",
        )
    )


class Promised(NamedTuple):
    """The interval of a promise as shares of the gap (1: all of it), and its confidence."""

    low: float
    high: float
    confidence: float


def promised(given: Estimate | None) -> Promised | None:
    """What is promised; None where nothing is: no number, no interval, width zero, or no share of the gap."""
    if given is None or given.value is None or given.low is None or given.high is None:
        return None
    if _unit(given) not in SHARES or not given.low < given.high:
        return None
    whole = SHARES[_unit(given)]
    return Promised(given.low / whole, given.high / whole, given.confidence)


def miss(promise: Promised, share: float, low: float, high: float, confidence: float) -> float:
    """
    How many of its own half-widths a promise would have to extend from its middle to hold, allowing for the
    error of the measurement; below 0 where less was repaired than promised.

    A measured share of exactly 1 also stands for anything above: what a watch finds beyond it is chance.

    Source:
        The normalized error of interlaboratory comparisons (ISO 13528), solved for the promise's half-width.

    Args:
        share, low, high: what was measured, and its interval at `confidence`.

    >>> miss(Promised(0.8, 1.0, 0.9), 0.5, 0.5, 0.5, 0.9)
    -4.0
    >>> miss(Promised(0.8, 1.0, 0.9), 0.5, 0.0, 1.0, 0.9)
    -0.0
    """
    middle = (promise.low + promise.high) / 2
    off = max(share, middle) - middle if share == 1.0 else share - middle
    return _missed(promise, off, (high - low) / 2, confidence)


def _missed(promise: Promised, off: float, error: float, confidence: float) -> float:
    """The miss of a measurement `off` the promise's middle, give or take `error`."""
    half = (promise.high - promise.low) / 2
    chance = error * _deviations(promise.confidence) / _deviations(confidence)
    return copysign(round(sqrt(max(off**2 - chance**2, 0.0)) / half, 9), off)


def miss_of(outcome: Outcome, promise: Estimate) -> float | None:
    """The same for an outcome, against what was `shown` or what the log alone promised (`own`)."""
    known = promised(promise)
    if known is None:
        return None
    return miss(known, outcome.repaired_share, outcome.low, outcome.high, outcome.confidence)


def cost_miss(cost: Estimate | None, promise: Estimate | None) -> float | None:
    """
    By how many half-widths a promise of what everybody gains or loses missed; below 0 where they lost more.

    None where either is not known, or their units differ.

    >>> promise = Estimate(value=-20, low=-40, high=0, unit="plays a day", basis="replay")
    >>> lost = Estimate(value=-90, low=-100, high=-80, unit="plays a day", basis="the log")
    >>> cost_miss(lost, promise) < -3, cost_miss(promise, promise), cost_miss(None, promise)
    (True, 0.0, None)
    """
    if cost is None or promise is None or cost.unit != promise.unit:
        return None
    if cost.value is None or cost.low is None or cost.high is None:
        return None
    if promise.low is None or promise.high is None or not promise.low < promise.high:
        return None
    within = Promised(promise.low, promise.high, promise.confidence)
    off = cost.value - (promise.low + promise.high) / 2
    return _missed(within, off, (cost.high - cost.low) / 2, cost.confidence)


def held(missed: float) -> bool:
    """Whether a promise that missed by this much held."""
    return abs(missed) <= 1.0


def against_promise(hotfix: Hotfix, option: Option | None) -> str | None:
    """
    Whether the outcome was inside, below or above the promise's interval; None where either is not known.

    >>> from domain.incident.state import Hotfix
    >>> from domain.values import Estimate, Option
    >>> price = Estimate(value=96, low=93, high=98, unit="%", basis="replay")
    >>> option = Option(key="k", hotfix="fill", label="Fill", does="", repairs=price, costs=price,
    ...                 deploy_seconds=1, undo="1 click", expires_after=None, blast_share=0,
    ...                 deployer="overrides")
    >>> done = Hotfix(option="k", stage="verified", event_id="e", at="2026-03-01T02:40:00Z", chosen_by="p",
    ...               repaired_share=0.94, low=0.9, high=0.98)
    >>> against_promise(done, option)
    'inside the promise'
    >>> against_promise(done.model_copy(update={"repaired_share": 0.92, "low": 0.88, "high": 0.96}), option)
    'below the promise, which chance may explain'
    >>> against_promise(done.model_copy(update={"repaired_share": 0.4, "low": 0.3, "high": 0.5}), option)
    'below the promise'
    """
    promise = promised(option.repairs if option else None)
    if promise is None or hotfix.repaired_share is None:
        return None
    if promise.low <= hotfix.repaired_share <= promise.high:
        return INSIDE
    if hotfix.repaired_share > promise.high:
        return "above the promise"
    measured = hotfix.low is not None and hotfix.high is not None
    surely = measured and not held(
        miss(promise, hotfix.repaired_share, hotfix.low or 0.0, hotfix.high or 0.0, MEASURED_AT)
    )
    return "below the promise" if surely else "below the promise, which chance may explain"


def cost_against_promise(hotfix: Hotfix) -> str:
    """
    What everybody gained or lost while it was in force, and whether that was promised; empty where nothing is
    known of it.

    >>> from domain.incident.state import Hotfix, Promise
    >>> whole = Estimate(value=-80, low=-90, high=-70, unit="plays a day", basis="replay")
    >>> done = Hotfix(option="k", stage="verified", event_id="e", at="2026-03-01T02:40:00Z", chosen_by="p",
    ...               promise=Promise(hotfix="fill", label="Fill", shown=whole, whole=whole))
    >>> lost = Estimate(value=-900, low=-990, high=-810, unit="plays a day", basis="the log")
    >>> cost_against_promise(done.model_copy(update={"cost": lost}))
    'loses 900 [810–990] plays a day; promised: loses 80 [70–90] plays a day: worse than promised'
    >>> cost_against_promise(done)
    ''
    """
    cost = hotfix.cost
    promise = hotfix.promise.whole if hotfix.promise else None
    if cost is None:
        return ""
    if cost.value is None:
        return f"not known: {cost.basis}"
    measured = effect(cost, where="")
    if promise is None or promise.value is None:
        return f"{measured}; nothing was promised"
    missed = cost_miss(cost, promise)
    if missed is None:
        return f"{measured}; promised: {effect(promise, where='')}"
    return f"{measured}; promised: {effect(promise, where='')}: {_cost_verdict(cost, promise, missed)}"


def worth_today(worth: Worth) -> str:
    """
    What a hotfix is worth today, by members held out.

    >>> closed = Estimate(value=0.86, low=0.67, high=1.05, unit="share", basis="121 members held out")
    >>> more = Estimate(value=1.2, low=0.4, high=2.0, unit="% plays", basis="121 members held out")
    >>> worth_today(Worth(at="2026-03-01T02:40:00Z", repaired=closed, gained=more))
    'repairs 86 % [67–105] of the gap; in all gains 1.2 % [0.4–2.0] of plays'
    >>> few = closed.model_copy(update={"value": None, "basis": "not measurable: 7 members held out"})
    >>> worth_today(Worth(at="2026-03-01T02:40:00Z", repaired=few, gained=few))
    'not measurable: 7 members held out'
    """
    repaired, gained = worth.repaired, worth.gained
    if repaired.value is None and gained.value is None and repaired.basis == gained.basis:
        return repaired.basis
    closes = f"repairs {estimate(repaired)} of the gap" if repaired.value is not None else repaired.basis
    of_all = f"in all {effect(gained, where='')}" if gained.value is not None else f"in all {gained.basis}"
    return f"{closes}; {of_all}"


def _cost_verdict(cost: Estimate, promise: Estimate, missed: float) -> str:
    if held(missed):
        inside = (promise.low or 0.0) <= (cost.value or 0.0) <= (promise.high or 0.0)
        return "inside the promise" if inside else "outside the promise, which chance may explain"
    return "worse than promised" if missed < 0 else "better than promised"


def _deviations(confidence: float) -> float:
    """Half the width of a normal interval at `confidence`, in standard deviations."""
    return NormalDist().inv_cdf((1 + confidence) / 2)


def _unit(given: Estimate) -> str:
    return given.unit.partition(" ")[0]


def _whole(option: Option | None) -> float:
    return SHARES.get(_unit(option.repairs), 1.0) if option else 1.0
