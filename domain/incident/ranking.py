"""
The order in which a menu's options are offered, and one sentence on why the first is first.

Options are ordered by one number, in percentage points: what comes back of what was lost, less what everybody
else loses of the declared objective. The sentence says what that number says, and no more.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from domain.incident.numbers import effect, estimate, seconds
from domain.values import Estimate, Option

MOST_NAMED = 3
"""Of the options that cannot be told apart from the first, this many are named and the rest counted."""

Span = tuple[float, float]


def rank(option: Option) -> tuple[bool, bool, float, bool, float, str]:
    """
    The sort key: priced options first, then those that do not make everybody lose for certain; among these
    the best worth, and of two within a percent the one that a single person can deploy, then the quicker one.
    Repairing more than everything counts as just as far off as repairing less.
    """
    worth = _points(option)
    return (
        not _priced(option),
        _loses(option),
        -worth,
        option.needs_second_person,
        option.deploy_seconds,
        option.hotfix,
    )


def why_first(options: Sequence[Option]) -> str:
    """
    Why the first of these is offered first, by the numbers that rank them, in one sentence.

    Another option is behind where it surely repairs less or loses more and does neither better, or where even
    the worst sum of the first is above the best of the other; else the two cannot be told apart. How the
    errors of two numbers are correlated is not known, so the ends of a sum are the sums of the ends.

    Returns:
        Empty where fewer than two can be deployed, or where former rules ordered them differently.
    """
    offered = [option for option in options if option.deployable]
    if len(offered) < 2 or min(offered, key=rank) != offered[0]:
        return ""
    first, second = offered[:2]
    if not _priced(first):
        return (
            f"Nothing is priced, so the order says nothing of what they repair: “{first.label}” is first "
            f"{_because(first, second)}."
        )
    priced = [option for option in offered if _priced(option)]
    alike = [one for one in priced[1:] if _loses(one) == _loses(first) and not _is_behind(first, one)]
    said = _alike(first, alike) if alike else _ahead(first, second)
    return f"{said}{_unknown((first, *(alike or priced[1:2])))}{_all_lose(first)}."


def _points(option: Option) -> int:
    """What it is worth, in whole percentage points; an unknown number counts as zero."""
    repaired = _percent(option.repairs, option.repairs.value or 0.0)
    return round(min(repaired, 200.0 - repaired) + _percent(option.costs, option.costs.value or 0.0))


def _percent(given: Estimate, value: float) -> float:
    """A value of this estimate in percent: a share of 1 is 100 %."""
    return 100.0 * value if given.unit.partition(" ")[0] == "share" else value


def _priced(option: Option) -> bool:
    return option.repairs.value is not None


def _loses(option: Option) -> bool:
    """Whether all members together lose by it for certain."""
    return option.whole is not None and option.whole.high is not None and option.whole.high < 0


def _is_behind(first: Option, other: Option) -> bool:
    sides = _sides(first, other)
    return _side(_span(other), _span(first)) < 0 or (min(sides) < 0 and max(sides) <= 0)


def _sides(first: Option, other: Option) -> tuple[int, int]:
    """Whether the other surely repairs less (−1) or more (1) than the first, and loses more or less."""
    repairs = _side(_folded(other.repairs), _folded(first.repairs))
    return repairs, _side(_edges(other.costs), _edges(first.costs))


def _alike(first: Option, others: Sequence[Option]) -> str:
    """Says that these cannot be told apart, and what then decides the order."""
    named = [f"“{option.label}”" for option in (first, *others[:MOST_NAMED])]
    left = len(others) - MOST_NAMED
    all_named = [*named, f"{left} more"] if left > 0 else named
    together = f"{', '.join(all_named[:-1])} and {all_named[-1]}"
    points, beside = _points(first), _points(others[0])
    by = (
        _because(first, others[0])
        if points == beside
        else f"by the middle of its interval alone (repair less loss: {points} points against {beside})"
    )
    return (
        f"{together} cannot be told apart within their intervals; “{first.label}” is first {by}, and repairs "
        f"{estimate(first.repairs)}"
    )


def _ahead(first: Option, second: Option) -> str:
    """What advantage the first has over the second."""
    head = f"“{first.label}” is first: it repairs {estimate(first.repairs)} and {_cost(first)}"
    if not _priced(second):
        return f"{head}; the others are not priced"
    if _loses(second) and not _loses(first):
        whole = second.whole or second.costs
        return f"{head}; with “{second.label}” everybody together loses for certain ({effect(whole)})"
    return f"{head}; “{second.label}” {_behind(first, second)}"


def _behind(first: Option, second: Option) -> str:
    """In what respect the second is behind."""
    repairs, costs = _sides(first, second)
    beyond = _percent(second.repairs, second.repairs.value or 0.0) > 100.0
    less = f"repairs {'too much' if beyond else 'less'}, {estimate(second.repairs)}"
    if costs < 0:
        more = _cost(second) if _edges(second.costs)[1] < 0 else _gain(second)
        if repairs < 0:
            return f"{less}, and {more}"
        return f"repairs {'more' if repairs else 'as much'}, {estimate(second.repairs)}, but {more}"
    return f"{_cost(second)}, but {less}" if costs > 0 else less


def _because(first: Option, second: Option) -> str:
    """What decides the order where worth does not: the next criterion of `rank`."""
    if _points(first) != _points(second):
        return f"because it {_cost(first)}, and “{second.label}” {_cost(second)}"
    if first.needs_second_person != second.needs_second_person:
        return f"because one person may deploy it, while “{second.label}” needs a second one"
    if first.deploy_seconds != second.deploy_seconds:
        sooner, later = seconds(first.deploy_seconds), seconds(second.deploy_seconds)
        return f"because it is in force after {sooner}, “{second.label}” after {later}"
    return "by its name alone"


def _cost(option: Option) -> str:
    given = option.costs
    if given.value is None:
        return "loses an unknown amount elsewhere"
    if given.low is not None and given.high is not None and given.low <= 0 <= given.high:
        return "loses nothing measurable elsewhere"
    return effect(given)


def _gain(option: Option) -> str:
    sure = _edges(option.costs)[0] > 0
    return f"gains less: it {effect(option.costs)}" if sure else "gains nothing measurable elsewhere"


def _unknown(compared: Sequence[Option]) -> str:
    """Says that unknown numbers are ranked as zero."""
    if all(option.costs.value is not None for option in compared):
        return ""
    return "; a loss that is not known counts as none in this order"


def _all_lose(first: Option) -> str:
    return "; everybody together loses for certain by each that is priced" if _loses(first) else ""


def _span(option: Option) -> Span:
    """The interval of the worth, in points: the ends of both numbers added up."""
    (least, most), (low, high) = _folded(option.repairs), _edges(option.costs)
    return least + low, most + high


def _edges(given: Estimate) -> Span:
    """The interval; unbounded where it is not known."""
    low, high = (-inf if given.low is None else given.low), (inf if given.high is None else given.high)
    return _percent(given, low), _percent(given, high)


def _folded(given: Estimate) -> Span:
    """The interval of what is repaired, where an excess over everything counts as the same shortfall."""
    low, high = _edges(given)
    peak = min(max(low, 100.0), high)
    return min(low, 200.0 - high), min(peak, 200.0 - peak)


def _side(one: Span, other: Span) -> int:
    """−1 where one is surely below the other, 1 where it is above; 0 where they overlap."""
    return int(one[0] > other[1]) - int(one[1] < other[0])
