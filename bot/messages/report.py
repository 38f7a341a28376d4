"""
The report of an incident, as Markdown and as a page, drawn from its events.

In this order: what happened, who was hit and how much, why, what was done and did it work, what changes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from jinja2 import Environment, PackageLoader, StrictUndefined, pass_eval_context, select_autoescape
from jinja2.nodes import EvalContext
from markupsafe import Markup, escape

from bot.messages import follow_up, words
from bot.messages.incident import ticket
from bot.messages.incident.evidence import HANDS
from bot.messages.link import Link, nowhere
from bot.messages.since import since as since_lines
from domain.incident import events as e
from domain.incident.outcome import against_promise, cost_against_promise, repaired, worth_today
from domain.incident.ranking import why_first
from domain.incident.state import Incident
from domain.incident.timeline import Entry, timeline
from domain.incident.times import STEPS, current, durations
from domain.inert import lines, markup
from domain.replayed import ChangeSince
from domain.values import Option, name_slice

QUIET = frozenset({"message.posted", "finding.repeated", "hotfix.watched"})
"""A run of these is shown as one line."""


@dataclass(frozen=True)
class Offered:
    """The menu as it was when a hotfix was chosen from it, and who chose."""

    options: tuple[Option, ...]
    at: datetime
    chosen: str | None = None
    chosen_by: str | None = None

    @property
    def why_first(self) -> str:
        """Why the first option was placed before the others; empty if there is nothing to say."""
        return why_first(self.options)


@dataclass(frozen=True)
class ReportContent:
    """Everything a report says, before it is rendered."""

    incident: Incident
    entries: tuple[Entry, ...]
    times: tuple[tuple[str, str, str], ...]
    menus: tuple[Offered, ...]
    picture: str | None
    names: words.Names
    link: Link = nowhere
    since: tuple[str, ...] = ()


def people(incident: Incident, recorded: Sequence[e.Recorded]) -> set[str]:
    """The ids of all people named in the report of an incident."""
    said = {one for entry in timeline(recorded) for one in words.people_in(entry.what)}
    return (
        {record.actor for record in recorded} | said | ({incident.assignee} if incident.assignee else set())
    )


def compose(
    incident: Incident,
    recorded: Sequence[e.Recorded],
    picture: str | None = None,
    names: words.Names = words.NOBODY,
    link: Link = nowhere,
    since: ChangeSince | None = None,
) -> ReportContent:
    """
    The report's content; `picture` is the address (or data URI) of the diagnosis's picture, `names` what
    `people` are called, `link` gives the addresses its reader may follow, `since` is what is known about the
    change that was agreed on.
    """
    say = partial(words.spoken, names=names)
    entries = [
        entry.model_copy(update={"what": words.with_names(entry.what, say)}) if _hands(entry) else entry
        for entry in timeline(recorded)
    ]
    took = durations(incident)
    times = tuple((step, _long(getattr(took, f"to_{step}")), current(step).says) for step in STEPS)
    worth = since_lines(incident, recorded, since)
    return ReportContent(incident, _gathered(entries), times, _menus(recorded), picture, names, link, worth)


def _long(took: timedelta | None) -> str:
    return "–" if took is None else words.lasting(took)


def _hands(entry: Entry) -> bool:
    """Whether the line names somebody other than the person who acted."""
    return entry.wire_name in HANDS


def markdown(content: ReportContent) -> str:
    """The report as Markdown."""
    return _render("report.md.j2", content)


def html(content: ReportContent) -> str:
    """The report as a self-contained page that prints well, light or dark as the reader's system is."""
    return _render("report.html.j2", content)


def missing_html(number: str, link: Link = nowhere) -> str:
    """The page for a number that belongs to no incident."""
    return ENVIRONMENT.get_template("missing.html.j2").render(number=number, link=link)


def closed_html(title: str, why: str, way: str) -> str:
    """The page for somebody who may not see the one they asked for: why not, and how to get there."""
    return ENVIRONMENT.get_template("closed.html.j2").render(title=title, why=why, way=way)


def utc(at: datetime, form: str = "%Y-%m-%d %H:%M") -> str:
    """A time in UTC, for print."""
    return f"{at.astimezone(UTC):{form}}"


def _gathered(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """The timeline; a run of quiet entries of one kind is reduced to the last, with their count."""
    gathered: list[Entry] = []
    count = 1
    for entry in entries:
        if gathered and entry.wire_name in QUIET and gathered[-1].wire_name == entry.wire_name:
            count += 1
            times = f"{count} messages" if entry.wire_name == "message.posted" else f"{count} looks up to now"
            gathered[-1] = entry.model_copy(update={"what": f"{entry.what} ({times})"})
        else:
            count = 1
            gathered.append(entry)
    return tuple(gathered)


def _menus(recorded: Sequence[e.Recorded]) -> tuple[Offered, ...]:
    menus: list[Offered] = []
    for record in recorded:
        if isinstance(record.event, e.MenuPrepared):
            menus.append(Offered(record.event.options, record.at))
        elif isinstance(record.event, e.HotfixChosen) and menus:
            last = menus[-1]
            chosen = Offered(last.options, last.at, record.event.option, record.actor)
            menus[-1:] = [chosen] if last.chosen is None else [last, chosen]
    return tuple(menu for menu in menus if menu.options)


def _render(name: str, content: ReportContent) -> str:
    incident = content.incident
    label = incident.option(incident.hotfix.option) if incident.hotfix else None
    return ENVIRONMENT.get_template(name).render(
        content=content,
        incident=incident,
        ticket=ticket.plain(incident),
        ticket_url=ticket.address(incident),
        change_url=ticket.safe(incident.change_came.url) if incident.change_came else None,
        became=follow_up.became(incident),
        due=follow_up.due(incident),
        since=content.since,
        owner=incident.followed.owner if incident.followed else None,
        diagnosis=incident.diagnosis,
        finding=incident.first_finding,
        hotfix=incident.hotfix,
        option=label,
        outcome=repaired(incident.hotfix, label) if incident.hotfix else None,
        cost=cost_against_promise(incident.hotfix) if incident.hotfix else "",
        worth=worth_today(incident.hotfix.worth) if incident.hotfix and incident.hotfix.worth else "",
        verdict=against_promise(incident.hotfix, label) if incident.hotfix else None,
        words=words,
        who=partial(words.spoken, names=content.names),
        utc=utc,
        name_slice=name_slice,
        lasted=_lasted(incident),
        link=content.link,
    )


def _lasted(incident: Incident) -> str | None:
    begun = incident.onset_at or incident.opened_at
    return words.lasting(incident.resolved_at - begun) if incident.resolved_at else None


def _fenced(text: str) -> Markup:
    """Lines as a code block in Markdown, whatever they contain."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return Markup(f"{fence}diff\n{text.rstrip()}\n{fence}")  # noqa: S704 - nothing in it ends the fence


def _code(text: str) -> Markup:
    """Text between backticks as code; everything else escaped."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped first


@pass_eval_context
def _inert(context: EvalContext, value: object) -> str:
    """The border of pages and of the report in Markdown: every value that a template shows passes here."""
    if isinstance(value, Markup):
        return Markup(lines(value))  # noqa: S704 - it was already
    return lines(str(value)) if context.autoescape else markup(str(value))


ENVIRONMENT = Environment(
    loader=PackageLoader("bot.messages"),
    autoescape=select_autoescape(("html.j2",)),
    undefined=StrictUndefined,
    finalize=_inert,
    trim_blocks=True,
    lstrip_blocks=True,
)
ENVIRONMENT.filters |= {"code": _code, "fenced": _fenced}
