"""The life of an incident, in a terminal."""

from __future__ import annotations

import base64
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

import typer

from bot.cli.people import names_of
from bot.cli.shared import Json, Number, ask, find, order, plain, utc, who
from bot.cli.table import table
from bot.cli.terminal import page, print_json, say
from bot.messages import report as reports
from bot.messages import words
from bot.messages.route import unposted
from domain.incident import commands as c
from domain.incident.state import Incident
from domain.values import Severity
from workers.door import Door, open_door

UNRESOLVED = ("open", "acknowledged", "resolved")
PAGE_INCIDENTS = 50
Reason = Annotated[str, typer.Option("--reason", "-r", help="In a few words.")]


def register(app: typer.Typer) -> None:
    for command in (
        status,
        incident,
        declare,
        ack,
        note,
        severity,
        assign,
        silence,
        look_again,
        dismiss,
        resolve,
        reopen,
        close,
        report,
    ):
        app.command()(command)


def status(
    every: Annotated[bool, typer.Option("--all", help="Closed ones too.")] = False,
    below: Annotated[int | None, typer.Option(min=1, help="Only numbers below this one.")] = None,
    as_json: Json = False,
) -> None:
    """The incidents that are not closed, fifty at a time, and the mean times."""
    door = open_door()
    if as_json:
        asked = None if every else UNRESOLVED
        print_json({"incidents": [plain(one) for one in door.incidents(asked)]})
        return
    found = door.page(() if every else UNRESOLVED, (), below, PAGE_INCIDENTS)
    names = names_of(one.assignee for one in found)
    rows = [
        (
            f"#{one.number}",
            one.severity.value,
            one.called,
            one.status,
            utc(one.opened_at),
            who(one.assignee, names),
        )
        for one in found
    ]
    if rows:
        table("", ("Incident", "", "Title", "Status", "Opened, UTC", "Assigned to"), rows)
    else:
        say("No incident is open.")
    if len(found) == PAGE_INCIDENTS:
        say(f"Older ones: --below {found[-1].number}")
    for lost in unposted(door.shown.routes_in_trouble()):
        say(lost)
    if means := door.mean_times():
        steps = ", ".join(f"to {step} {words.lasting(mean)}" for step, (mean, _) in means.items())
        say(f"Mean times: {steps}.")


def incident(number: Number, as_json: Json = False) -> None:
    """One incident: what is known, what can be done, and what was done."""
    door = open_door()
    found = find(door, number)
    if as_json:
        print_json({"incident": plain(found)})
        return
    events = door.events(found.stream)
    names, since = names_of(reports.people(found, events)), door.change_since(found)
    content = reports.compose(found, events, names=names, since=since)
    page(reports.markdown(content))


def declare(
    title: Annotated[str, typer.Argument(help="What is wrong, in a few words.")],
    severity: Annotated[Severity, typer.Option(help="SEV1 is the worst.")] = Severity.SEV3,
    description: Annotated[str, typer.Option(help="What is known so far.")] = "",
    as_json: Json = False,
) -> None:
    """Declare an incident."""
    door = open_door()
    command = c.DeclareIncident(number=0, title=title, severity=severity, description=description)
    answer = ask(door, None, command)
    if as_json:
        print_json({"incident": plain(find(door, str(answer.number)))})
    else:
        say(f"#{answer.number} is open.")


def ack(number: Number, as_json: Json = False) -> None:
    """Acknowledge it: you are working on it."""
    order(number, c.Acknowledge(), as_json=as_json)


def note(number: Number, text: Annotated[str, typer.Argument()], as_json: Json = False) -> None:
    """Add a note."""
    order(number, c.AddNote(text=text), as_json=as_json)


def severity(
    number: Number,
    level: Annotated[Severity, typer.Argument(metavar="SEV1|SEV2|SEV3|SEV4")],
    reason: Reason = "",
    as_json: Json = False,
) -> None:
    """Change its severity."""
    order(number, c.ChangeSeverity(severity=level, reason=reason), as_json=as_json)


def assign(
    number: Number,
    person: Annotated[str, typer.Argument(help="For instance slack:U0123 or terminal:root.")],
    as_json: Json = False,
) -> None:
    """Assign it to somebody."""
    order(number, c.Assign(person=person), as_json=as_json)


def silence(
    number: Number,
    hours: Annotated[float, typer.Option(help="For how many hours.")] = 1.0,
    as_json: Json = False,
) -> None:
    """Silence it for a while."""
    order(number, c.Silence(until=open_door().now() + timedelta(hours=hours)), as_json=as_json)


def look_again(number: Number, as_json: Json = False) -> None:
    """Gather the evidence again and prepare a new menu; until then the present hotfixes stay."""
    order(number, c.LookAgain(), as_json=as_json)


def dismiss(number: Number, reason: Reason = "", as_json: Json = False) -> None:
    """Dismiss it: not an incident; the check learns from the reason."""
    order(number, c.Dismiss(reason=reason), as_json=as_json)


def resolve(
    number: Number,
    reason: Reason = "",
    how: Annotated[
        Literal["elsewhere", "by_itself", "hotfix"], typer.Option(help="What stopped the harm.")
    ] = "elsewhere",
    as_json: Json = False,
) -> None:
    """Resolve it: the harm has stopped."""
    order(number, c.Resolve(how=how, reason=reason), as_json=as_json)


def reopen(number: Number, reason: Reason = "", as_json: Json = False) -> None:
    """Reopen it: it is back, or was never gone."""
    order(number, c.Reopen(reason=reason), as_json=as_json)


def close(number: Number, as_json: Json = False) -> None:
    """Close it. Refused until the follow-up is answered."""
    order(number, c.Close(), as_json=as_json)


def report(
    number: Number,
    html: Annotated[bool, typer.Option("--html", help="A page that stands alone.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Markdown (the default).")] = False,
    out: Annotated[Path | None, typer.Option(help="Write it to this file.")] = None,
    as_json: Json = False,
) -> None:
    """The report: what happened, who was hit, why, what was done, what changes."""
    door = open_door()
    found = find(door, number)
    events, picture = door.events(found.stream), _picture(door, found) if html else None
    names = words.NOBODY if as_json else names_of(reports.people(found, events))
    since = door.change_since(found)
    content = reports.compose(found, events, picture, names, since=since)
    if as_json:
        print_json(
            {
                "incident": plain(found),
                "timeline": [entry.model_dump(mode="json") for entry in content.entries],
                "times": {step: took for step, took, _ in content.times},
                "since": since.model_dump(mode="json") if since else None,
            }
        )
        return
    text = reports.html(content) if html and not markdown else reports.markdown(content)
    if out is None:
        page(text)
    else:
        out.write_text(text, encoding="utf-8")


def _picture(door: Door, found: Incident) -> str | None:
    """The picture embedded in the page, so that the file can be sent to anybody."""
    png = door.picture(found.picture) if found.picture else None
    return None if png is None else f"data:image/png;base64,{base64.b64encode(png).decode()}"
