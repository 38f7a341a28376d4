"""Numbers, times and people in words: one way to say each, used by every message and page."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from bot.messages.blocks import escape
from domain.incident.person import FORMER, is_pseudonym
from domain.incident.state import Incident
from domain.values import Estimate, Finding, Severity

EMOJI: dict[Severity, str] = {
    Severity.SEV1: "🔴",
    Severity.SEV2: "🟠",
    Severity.SEV3: "🟡",
    Severity.SEV4: "🔵",
}
Names = Mapping[str, str]
"""Person (`slack:U123`) → what they are called; see `bot.directory`."""

NOBODY: Names = {}
PERSON_PREFIX = "slack:"
_PERSON = re.compile(r"\bslack:[A-Z][\w-]*")
CIRCLED = "①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳"


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


def change(relative: float) -> str:
    """
    A change against what was expected, with its sign; from ten times on as a multiple.

    >>> change(-0.71), change(1.04), change(9025.0)
    ('−71 %', '+104 %', '9,026 times as much')
    """
    if relative >= 9:
        return f"{relative + 1:,.0f} times as much"
    return ("+" if relative > 0 else "") + percent(relative)


def signed(text: str) -> str:
    """A number's hyphen as a minus; minus nothing is nothing."""
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
    A number with its interval and unit, or that it is not known.

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


def _digits(given: Estimate, scale: float) -> int | None:
    """How many digits a percentage and its interval get: as many for the one as for the other."""
    if given.low is None or given.high is None:
        return None
    return 0 if max(abs(given.low * scale), abs(given.high * scale)) >= 0.0995 else 1


def _scale(unit: str) -> tuple[float | None, str]:
    """What turns a number in this unit into a share (None: it is none), and the rest of the unit."""
    first, _, rest = unit.partition(" ")
    return {"share": 1.0, "%": 0.01}.get(first), rest if first in ("share", "%") else unit


def forecast(finding: Finding) -> str:
    """
    What a launch is forecast to come to, against comparable ones.

    >>> day = {"window_start": "2026-01-01T00:00Z", "window_end": "2026-01-02T00:00Z"}
    >>> forecast(Finding(check="c", table="t", **day, observed=40, expected=800, low=30, high=52,
    ...     unit="first-day plays", p_value=0.0, severity="SEV3", title="x"))
    '40 [30–52] first-day plays where comparable launches had 800 (−95 %)'
    """
    given = Estimate(value=finding.observed, low=finding.low, high=finding.high, unit=finding.unit, basis="")
    comparable = f"comparable launches had {amount(finding.expected)} ({change(finding.change)})"
    return f"{estimate(given)} where {comparable}"


def scored(incident: Incident) -> str:
    """What became of a prediction; empty while it is not known. One that a hotfix prevented was not wrong."""
    score = incident.score
    if score is None:
        return ""
    if score.observed > score.high and incident.resolved_how == "hotfix":
        without = f"{amount(score.forecast)} were forecast without the hotfix"
        return f"The launch was saved: {amount(score.observed)} came; {without}"
    word = "came true" if score.came_true else "did not come true"
    return f"The prediction {word}: {amount(score.observed)} came, {amount(score.forecast)} were forecast"


def interval(given: Estimate) -> str:
    """The interval in brackets; empty where there is none."""
    if given.low is None or given.high is None:
        return ""
    scale, _ = _scale(given.unit)
    edges = (given.low, given.high)
    if scale is None:
        low, high = map(amount, edges)
    else:
        low, high = (percent(edge * scale, _digits(given, scale)).removesuffix(" %") for edge in edges)
    between = " to " if "−" in high or "−" in low else "–"
    return f"[{low}{between}{high}]"


def lasting(duration: timedelta) -> str:
    """
    How long, in the two largest units at most.

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


def seconds(given: float) -> str:
    """
    How long a number of seconds is.

    >>> seconds(120)
    '2 min'
    """
    return lasting(timedelta(seconds=given))


def moment(at: datetime, form: str = "{date_short_pretty} {time}") -> str:
    """A time that Slack shows in the reader's zone, with UTC for clients that cannot."""
    return f"<!date^{int(at.timestamp())}^{form}|{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC>"


def clock_time(at: datetime) -> str:
    """The time of day, in the reader's zone."""
    return f"<!date^{int(at.timestamp())}^{{time}}|{at.astimezone(UTC):%H:%M} UTC>"


def person(actor: str) -> str:
    """
    Who it was, as Slack names them.

    >>> person("slack:U123"), person("terminal:root"), person("worker:resolve")
    ('<@U123>', 'root (terminal)', 'recsysops')
    """
    kind, _, name = actor.partition(":")
    if kind == "slack" and name.replace("-", "").isalnum():
        return f"<@{name}>"
    return escape(spoken(actor))


def spoken(actor: str, names: Names = NOBODY) -> str:
    """
    Who it was, where mentions do not work: pages, terminals, Markdown. The id, where no name is known.

    >>> spoken("slack:U1", {"slack:U1": "Ada"}), spoken("slack:U2"), spoken("terminal:root")
    ('Ada', 'U2', 'root (terminal)')
    >>> spoken("person:00000000000000000000000000000001")
    'a former member'
    """
    kind, _, name = actor.partition(":")
    if actor in names:
        return names[actor]
    if kind == "slack":
        return name
    if kind == "terminal":
        return f"{name} (terminal)"
    return FORMER if is_pseudonym(actor) else "recsysops"


def called(actor: str, names: Names = NOBODY) -> str:
    """
    Who it was, in a message that is posted: by name, since a mention would notify whoever just pressed.

    >>> called("slack:U1", {"slack:U1": "Ada"}), called("slack:U2")
    ('Ada', '<@U2>')
    """
    return escape(names[actor]) if actor in names else person(actor)


def people_in(text: str) -> set[str]:
    """
    The people whom a sentence names by id.

    >>> people_in("Assigned to slack:U1")
    {'slack:U1'}
    """
    return set(_PERSON.findall(text))


def with_names(text: str, say: Callable[[str], str]) -> str:
    """
    A sentence with people as `say` says them.

    >>> with_names("Assigned to slack:U1", person)
    'Assigned to <@U1>'
    """
    return _PERSON.sub(lambda found: say(found[0]), text)


def circled(index: int) -> str:
    """
    The sign of the option at `index` (from 0).

    >>> circled(0), circled(30)
    ('①', '(31)')
    """
    return CIRCLED[index] if index < len(CIRCLED) else f"({index + 1})"
