"""Numbers and durations in words, worded the same everywhere."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from domain.values import Estimate, Option

LEAST_SHOWN = 0.001
"""Changes below this are not given in digits: 0.0 to 0.0 % would look as if nothing were uncertain."""


def percent(share: float, digits: int | None = None) -> str:
    """
    A share (1 = all) in percent, with a true minus sign.

    >>> percent(0.031), percent(-0.71), percent(0.96)
    ('3.1 %', '−71 %', '96 %')
    """
    value = share * 100
    if digits is None:
        digits = 1 if 0 < abs(value) < 9.95 and round(value, 1) != round(value) else 0
    return signed(f"{value:.{digits}f}") + " %"


def signed(text: str) -> str:
    """The number with a true minus sign for a hyphen; minus zero becomes zero."""
    return text.lstrip("-") if not text.strip("-0.") else text.replace("-", "−")


def amount(value: float) -> str:
    """
    A count or measure, short and readable.

    >>> amount(18400), amount(-2.25), amount(0.0)
    ('18,400', '−2.2', '0')
    """
    if value == 0 or abs(value) >= 10:
        return signed(f"{value:,.0f}")
    return signed(f"{value:.1f}" if abs(value) >= 1 else f"{value:.2g}")


def estimate(given: Estimate) -> str:
    """
    A number with its interval and unit, or the words that it is not known.

    >>> estimate(Estimate(value=0.96, low=0.93, high=0.98, unit="share of the gap", basis="replay"))
    '96 % [93–98] of the gap'
    >>> estimate(Estimate(value=None, unit="share", basis="not from the log"))
    'not known'
    >>> estimate(Estimate(value=-0.3, low=-0.4, high=-0.2, unit="% plays", basis="replay"))
    '−0.3 % [−0.4 to −0.2] plays'
    """
    if given.value is None:
        return "not known"
    scale, unit = _scale(given.unit)
    value = amount(given.value) if scale is None else percent(given.value * scale, _digits(given, scale))
    return " ".join(part for part in (value, interval(given), unit) if part)


def brief(given: Estimate) -> str:
    """
    What a glance needs of a number: its interval, or the number alone where it has none.

    >>> brief(Estimate(value=0.96, low=0.93, high=0.98, unit="share of the gap", basis="replay"))
    '93–98 %'
    >>> brief(Estimate(value=48040.0, unit="rows an hour", basis="as in the last window"))
    '48,040 rows an hour'
    """
    if given.value is None:
        return "not known"
    scale, unit = _scale(given.unit)
    alone = amount(given.value) if scale is None else percent(given.value * scale, _digits(given, scale))
    between = interval(given).strip("[]") or alone.removesuffix(" %")
    return f"{between} %" if scale is not None else f"{between} {unit}".rstrip()


def effect(given: Estimate, where: str = " elsewhere", say: Callable[[Estimate], str] = estimate) -> str:
    """
    What is lost or gained by it, and `where`; a change below 0 is a loss. `say`: how its size is spelled.

    >>> effect(Estimate(value=-0.3, low=-0.4, high=-0.2, unit="% plays", basis="replay"))
    'loses 0.3 % [0.2–0.4] of plays elsewhere'
    >>> effect(Estimate(value=0.1, low=-0.1, high=0.3, unit="% plays", basis="replay"))
    'no measurable loss (−0.1 to +0.3 % of plays elsewhere)'
    >>> effect(Estimate(value=0.0, low=-0.02, high=0.03, unit="% plays", basis="replay"))
    'no measurable loss (less than 0.1 % of plays elsewhere)'
    >>> effect(Estimate(value=-48040.0, unit="rows an hour", basis="as in the last window"))
    'loses 48,040 rows an hour'
    >>> effect(Estimate(value=None, unit="% plays", basis="not from the log"))
    'cost not known'
    """
    if given.value is None:
        return "cost not known"
    scale, rest = _scale(given.unit)
    unit, of = ("", f" {rest}") if scale is None else ("%", f" of {rest}{where}")
    if _no_loss(given):
        if scale is not None and max(-(given.low or 0.0), given.high or 0.0) * scale < LEAST_SHOWN:
            return f"no measurable loss (less than {percent(LEAST_SHOWN)}{of})"
        return f"no measurable loss ({_apart(given)} {unit}".rstrip() + f"{of})"
    loses = given.value < 0
    size = turned(given) if loses else given
    return f"{'loses' if loses else 'gains'} {say(size.model_copy(update={'unit': unit}))}{of}"


def brief_effect(given: Estimate) -> str:
    """
    The same for a glance.

    >>> brief_effect(Estimate(value=-0.3, low=-0.4, high=-0.2, unit="% plays", basis="replay"))
    'loses 0.2–0.4 % of plays elsewhere'
    >>> brief_effect(Estimate(value=0.1, low=-0.1, high=0.3, unit="% plays", basis="replay"))
    'no measurable loss'
    """
    return "no measurable loss" if _no_loss(given) else effect(given, say=brief)


def _no_loss(given: Estimate) -> bool:
    return given.low is not None and given.high is not None and given.low <= 0 <= given.high


def turned(given: Estimate) -> Estimate:
    """The same estimate with its sign reversed."""
    value, low, high = (None if part is None else -part for part in (given.value, given.high, given.low))
    return given.model_copy(update={"value": value, "low": low, "high": high})


def _apart(given: Estimate) -> str:
    """The ends of an interval that contains 0, each with its sign."""
    return _between(*_spelled(given, given.low or 0.0, given.high or 0.0)).replace(" to ", " to +")


def _digits(given: Estimate, scale: float) -> int | None:
    """How many digits a percentage and its interval get: the same for both."""
    if given.low is None or given.high is None:
        return None
    return 0 if max(abs(given.low * scale), abs(given.high * scale)) >= 0.0995 else 1


def _scale(unit: str) -> tuple[float | None, str]:
    """The factor from a number in this unit to a share (None: it is no share), and the rest of the unit."""
    first, _, rest = unit.partition(" ")
    return {"share": 1.0, "%": 0.01}.get(first), rest if first in ("share", "%") else unit


def interval(given: Estimate) -> str:
    """The interval in brackets; empty where there is none, or it is narrower than the digits shown."""
    if given.low is None or given.high is None:
        return ""
    low, high = _spelled(given, given.low, given.high)
    return f"[{_between(low, high)}]" if low != high else ""


def _spelled(given: Estimate, *numbers: float) -> tuple[str, ...]:
    scale, _ = _scale(given.unit)
    if scale is None:
        return tuple(map(amount, numbers))
    return tuple(percent(number * scale, _digits(given, scale)).removesuffix(" %") for number in numbers)


def _between(low: str, high: str) -> str:
    return f"{low}{' to ' if '−' in high or '−' in low else '–'}{high}"


def lasting(duration: timedelta) -> str:
    """
    The duration in its two largest units at most.

    >>> lasting(timedelta(minutes=37)), lasting(timedelta(hours=27)), lasting(timedelta(seconds=20))
    ('37 min', '1 d 3 h', '20 s')
    """
    whole = max(0, round(duration.total_seconds()))
    if whole < 60:
        return f"{whole} s"
    minutes, hours, days = whole // 60 % 60, whole // 3600 % 24, whole // 86400
    named = [(days, "d"), (hours, "h"), (minutes, "min")]
    parts = [f"{count} {unit}" for count, unit in named if count]
    return " ".join(parts[:2]) if not days else " ".join(f"{n} {u}" for n, u in named[:2] if n)


def stages(option: Option, now: float | None = None) -> str:
    """
    The shares of members that an option is deployed to, in order, with the current one (`now`) in asterisks;
    empty where it is deployed to everyone at once.
    """
    said = [f"*{percent(one)}*" if one == now else percent(one) for one in option.stages]
    return f"in stages: {' → '.join(said)}" if said else ""


def minute(at: datetime) -> str:
    """
    A time to the minute, with its zone. Slack shows it in the reader's zone.

    >>> minute(datetime(2026, 3, 1, 2, 40, 59, tzinfo=UTC))
    '2026-03-01 02:40 UTC'
    """
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def held_out(share: float) -> str:
    """
    Who is never served a hotfix; empty where nobody is held out.

    >>> held_out(0.01), held_out(0.0)
    ('1 % of members held out', '')
    """
    return f"{percent(share)} of members held out" if share else ""


def seconds(given: float) -> str:
    """
    How long a number of seconds is.

    >>> seconds(120)
    '2 min'
    """
    return lasting(timedelta(seconds=given))
