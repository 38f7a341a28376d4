"""Numbers, times and people in words: one way to say each, used by every message and page."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from bot.messages.inert import Marked, escape, sentence
from domain.incident.comparison import change, compared
from domain.incident.numbers import (
    amount,
    effect,
    estimate,
    held_out,
    lasting,
    percent,
    seconds,
    stages,
    turned,
)
from domain.incident.person import FORMER, is_pseudonym
from domain.incident.state import Incident
from domain.values import Estimate, Finding, Severity

__all__ = [
    "CIRCLED",
    "EMOJI",
    "NOBODY",
    "PERSON_PREFIX",
    "Names",
    "amount",
    "answered",
    "called",
    "change",
    "circled",
    "clock_time",
    "compared",
    "effect",
    "estimate",
    "forecast",
    "held_out",
    "lasting",
    "moment",
    "people_in",
    "percent",
    "person",
    "scored",
    "seconds",
    "spoken",
    "stages",
    "turned",
    "with_names",
]

EMOJI: dict[Severity, str] = {
    Severity.SEV1: "🔴",
    Severity.SEV2: "🟠",
    Severity.SEV3: "🟡",
    Severity.SEV4: "🔵",
}
Names = Mapping[str, str]
"""Person (`slack:U123`) → their name; see `bot.directory`."""

NOBODY: Names = {}
PERSON_PREFIX = "slack:"
UNNAMED = "someone in Slack"
"""Used for somebody whose name Slack does not give at the moment."""
_PERSON = re.compile(r"\b(?:slack:[A-Z][\w-]*|terminal:[\w-]+(?:\.[\w-]+)*)")
CIRCLED = "①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳"


def forecast(finding: Finding) -> str:
    """
    The forecast for a launch, against comparable ones.

    >>> day = {"window_start": "2026-01-01T00:00Z", "window_end": "2026-01-02T00:00Z"}
    >>> forecast(Finding(check="c", table="t", **day, observed=40, expected=800, low=30, high=52,
    ...     unit="first-day plays", p_value=0.0, severity="SEV3", title="x"))
    '40 [30–52] first-day plays where comparable launches had 800 (−95 %)'
    """
    given = Estimate(value=finding.observed, low=finding.low, high=finding.high, unit=finding.unit, basis="")
    comparable = f"comparable launches had {amount(finding.expected)} ({change(finding.change)})"
    return f"{estimate(given)} where {comparable}"


def scored(incident: Incident) -> str:
    """How a prediction turned out; empty while that is unknown. One that a hotfix prevented was not wrong."""
    score = incident.score
    if score is None:
        return ""
    if score.observed > score.high and incident.resolved_how == "hotfix":
        without = f"{amount(score.forecast)} were forecast without the hotfix"
        return f"The launch was saved: {amount(score.observed)} came; {without}"
    word = "came true" if score.came_true else "did not come true"
    return f"The prediction {word}: {amount(score.observed)} came, {amount(score.forecast)} were forecast"


def moment(at: datetime, form: str = "{date_short_pretty} {time}") -> str:
    """A time that Slack shows in the reader's zone, with UTC for clients that cannot do so."""
    return f"<!date^{int(at.timestamp())}^{form}|{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC>"


def clock_time(at: datetime) -> str:
    """The time of day, in the reader's zone."""
    return f"<!date^{int(at.timestamp())}^{{time}}|{at.astimezone(UTC):%H:%M} UTC>"


def person(actor: str) -> str:
    """
    Who acted, as Slack names them.

    >>> person("slack:U123"), person("terminal:root"), person("worker:resolve")
    ('<@U123>', 'root (terminal)', 'recsysops')
    """
    kind, _, name = actor.partition(":")
    if kind == "slack" and name.isascii() and name.replace("-", "").isalnum():
        return f"<@{name}>"
    return escape(spoken(actor))


def spoken(actor: str, names: Names = NOBODY) -> str:
    """
    Who acted, where mentions do not work: pages, terminals, Markdown. An id tells readers nothing.

    >>> spoken("slack:U1", {"slack:U1": "Ada"}), spoken("slack:U2"), spoken("terminal:root")
    ('Ada', 'someone in Slack', 'root (terminal)')
    >>> spoken("person:00000000000000000000000000000001")
    'a former member'
    """
    kind, _, name = actor.partition(":")
    if actor in names:
        return names[actor]
    if kind == "slack":
        return UNNAMED
    if kind == "terminal":
        return f"{name} (terminal)"
    return FORMER if is_pseudonym(actor) else "recsysops"


def called(actor: str, names: Names = NOBODY) -> str:
    """
    Who acted, in a posted message: by name, since a mention would notify whoever just pressed.

    >>> called("slack:U1", {"slack:U1": "Ada"}), called("slack:U2")
    ('Ada', '<@U2>')
    """
    return escape(names[actor]) if actor in names else person(actor)


def people_in(text: str) -> set[str]:
    """
    The people that a sentence names by id.

    >>> people_in("Assigned to slack:U1")
    {'slack:U1'}
    """
    return set(_PERSON.findall(text))


def with_names(text: str, say: Callable[[str], str]) -> str:
    """
    A sentence with its people replaced by what `say` returns.

    >>> with_names("Assigned to slack:U1", person), with_names("It is for terminal:root.", person)
    ('Assigned to <@U1>', 'It is for root (terminal).')
    """
    return _PERSON.sub(lambda found: say(found[0]), text)


def answered(said: str) -> str:
    """
    A reply to a person, as Slack's markup: people are mentioned, since an id tells readers nothing.

    >>> answered("slack:U1 was first: *x*")
    '<@U1> was first: ∗x∗'
    """
    return said if isinstance(said, Marked) else with_names(sentence(said), person)


def circled(index: int) -> str:
    """
    The symbol of the option at `index` (from 0).

    >>> circled(0), circled(30)
    ('①', '(31)')
    """
    return CIRCLED[index] if index < len(CIRCLED) else f"({index + 1})"
