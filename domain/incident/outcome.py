"""What a hotfix repaired, held against what its option had promised."""

from __future__ import annotations

from domain.incident.numbers import estimate, percent
from domain.incident.state import Hotfix
from domain.values import Estimate, Option

SHARES = {"share": 1.0, "%": 100.0}
"""First word of an estimate's unit → how much of it the whole gap is."""


def repaired(hotfix: Hotfix, option: Option | None) -> str | None:
    """
    What was repaired at the last look of the watch, with its interval, in the promise's unit; None where it
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


def against_promise(hotfix: Hotfix, option: Option | None) -> str | None:
    """
    Whether that was inside the promise's interval, below or above it; None where either is not known.

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
    >>> against_promise(done.model_copy(update={"repaired_share": 0.91, "low": 0.87, "high": 0.95}), option)
    'below the promise, which chance may explain'
    >>> against_promise(done.model_copy(update={"repaired_share": 0.4, "low": 0.3, "high": 0.5}), option)
    'below the promise'
    """
    promise = option.repairs if option else None
    known = promise is not None and promise.low is not None and promise.high is not None
    if not known or promise is None or hotfix.repaired_share is None or _unit(promise) not in SHARES:
        return None
    whole = _whole(option)
    least, most = (promise.low or 0.0) / whole, (promise.high or 0.0) / whole
    if least <= hotfix.repaired_share <= most:
        return "inside the promise"
    if hotfix.repaired_share > most:
        return "above the promise"
    surely = hotfix.high is not None and hotfix.high < least
    return "below the promise" if surely else "below the promise, which chance may explain"


def _unit(given: Estimate) -> str:
    return given.unit.partition(" ")[0]


def _whole(option: Option | None) -> float:
    return SHARES.get(_unit(option.repairs), 1.0) if option else 1.0
