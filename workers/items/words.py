"""The answer for an item in one sentence, for somebody who owns the item but has no dashboard."""

from __future__ import annotations

from domain.answer import ItemAnswer, Launch, Verdict
from domain.detection.judge.discovery import ALPHA
from domain.incident.numbers import minute
from domain.values import Estimate


def verdict_of(
    bias: Estimate | None,
    usual: tuple[float, float] | None,
    launch: Launch | None,
    change: Estimate | None,
    p_value: float | None,
    question: Estimate | None = None,
) -> Verdict:
    """
    Whether the item is shown less or more than it should be.

    If it is eligible less (or more) often since it has been shown less (or more), that is the verdict,
    whatever its expected exposure: its owner has to know, whether it left a shelf or something is broken.
    A bias counts if its interval excludes zero *and* it is unusual: it appeared at a known moment, or lies
    outside the range of nine in ten items by more than chance among items explains. A launch counts if it
    differs from those that it is compared with.
    """
    if question is not None and question.value is not None:
        return "less" if question.value < 0 else "more"
    if bias is not None and bias.low is not None and bias.high is not None and bias.value is not None:
        odd = usual is not None and not usual[0] <= bias.value <= usual[1] and (p_value or 1.0) < ALPHA
        moved = 0.0 if change is None or change.value is None else change.value
        if bias.high < 0 and (odd or moved < 0):
            return "less"
        if bias.low > 0 and (odd or moved > 0):
            return "more"
    if launch is not None and launch.p_value < ALPHA and launch.ratio.low is not None:
        if (launch.ratio.high or 0.0) < 0:
            return "less"
        if launch.ratio.low > 0:
            return "more"
    return "unknown" if bias is None and launch is None else "fair"


def headline_of(answer: ItemAnswer) -> str:
    """The whole answer in one sentence."""
    name = answer.title or answer.item
    launch, bias = answer.launch, answer.bias
    if answer.verdict == "unknown":
        why = f": {answer.notes[0][0].lower()}{answer.notes[0][1:]}" if answer.notes else ""
        return f"Nothing can be said of {name} yet{why}"
    if answer.verdict == "fair":
        return _fair(name, answer)
    since = f" since {minute(answer.since)}" if answer.since else ""
    if answer.in_question is not None and answer.in_question.value is not None:
        return f"{name} is eligible {_often(answer.in_question.value)}{since}; {_of_that(bias)}."
    if bias is not None and bias.value is not None and _sides(bias, answer.verdict):
        than = "as" if bias.value >= 1 else "than"
        return f"{name} is shown {share(bias.value)} {than} its engagement warrants{since}."
    if launch is not None and launch.ratio.value is not None:
        than = "as" if launch.ratio.value >= 1 else "than"
        against = f"{than} {len(launch.compared)} launches at {launch.age_hours:,.0f} h"
        return f"{name} is shown {share(launch.ratio.value)} {against}."
    return f"{name} is shown {answer.verdict} than its engagement warrants{since}."


def _often(change: float) -> str:
    """
    >>> _often(-0.96), _often(2.0)
    ('96 % less often', '3.0 times as often')
    """
    return f"{1 + change:.1f} times as often" if change >= 1 else f"{share(change)} often"


def _of_that(bias: Estimate | None) -> str:
    if bias is None or bias.value is None:
        return "its expected exposure is not known"
    if (bias.low or 0.0) <= 0.0 <= (bias.high or 0.0):
        return "for that, it is shown about as much as its engagement warrants"
    return (
        f"for that, it is shown {share(bias.value)} {'as' if bias.value >= 1 else 'than'} its engagement "
        "warrants"
    )


def _fair(name: str, answer: ItemAnswer) -> str:
    launch, bias, usual = answer.launch, answer.bias, answer.usual
    if launch is not None and launch.ratio.value is not None:
        ratio = launch.ratio
        span = f"{percent(ratio.value)} [{percent(ratio.low)} to {percent(ratio.high)}]"
        others = f"{len(launch.compared)} other launches"
        return f"{name} starts like {others}: {span} impressions in its first {launch.age_hours:,.0f} h."
    if bias is None or bias.value is None:
        age = f"{launch.age_hours:,.0f}" if launch is not None else "?"
        return f"{name} starts like other launches at {age} h."
    if (bias.low or 0.0) <= 0.0 <= (bias.high or 0.0):
        return f"{name} is shown about as much as its engagement warrants."
    said = (
        f"{name} is shown {share(bias.value)} than its engagement warrants"
        if bias.value < 1
        else (f"{name} is shown {share(bias.value)} as its engagement warrants")
    )
    whose = "other launches and nine in ten items" if answer.usual_of == "launches" else "nine in ten items"
    between = f"; {whose} lie between {share(usual[0])} and {share(usual[1])}" if usual else ""
    return f"{said}, which is not unusual here{between}."


def _sides(bias: Estimate, verdict: Verdict) -> bool:
    low, high = bias.low or 0.0, bias.high or 0.0
    return high < 0 if verdict == "less" else low > 0


def percent(ratio: float | None) -> str:
    """
    >>> percent(-0.113), percent(0.2)
    ('−11 %', '+20 %')
    """
    return "?" if ratio is None else f"{100 * ratio:+.0f} %".replace("-", "−")


def share(ratio: float) -> str:
    """
    >>> share(-0.62), share(0.3), share(2.4)
    ('62 % less', '30 % more', '3.4 times as much')
    """
    if ratio >= 1:
        return f"{1 + ratio:.1f} times as much"
    return f"{abs(ratio):.0%}".replace("%", " %") + (" less" if ratio < 0 else " more")
