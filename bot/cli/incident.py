"""The life of an incident, in a terminal."""

from __future__ import annotations

import base64
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

import typer

from bot.cli.shared import Json, Number, Reason, ask, find, names_of, operator, order, utc, who
from bot.cli.terminal import end_in_json, page, say, table
from bot.messages import correction, words
from bot.messages import report as reports
from bot.messages.route import unposted
from bot.pages.links import links_of
from domain.errors import Refused
from domain.incident import commands as c
from domain.incident.state import Incident, Part
from domain.values import Severity
from workers.door import Door, environment, open_door

UNRESOLVED = ("open", "acknowledged", "resolved")
PAGE_INCIDENTS = 50
PAGES = ("audit", "replay", "scorecard")

app = typer.Typer()


@app.command()
def status(
    every: Annotated[bool, typer.Option("--all", help="Closed ones too.")] = False,
    below: Annotated[int | None, typer.Option(min=1, help="Only numbers below this one.")] = None,
    as_json: Json = False,
) -> None:
    """The incidents that are not closed, fifty at a time, and the mean times."""
    door = open_door()
    if as_json:
        end_in_json(as_json, {"incidents": list(door.incidents(None if every else UNRESOLVED))})
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


@app.command()
def incident(number: Number, as_json: Json = False) -> None:
    """One incident: what is known, what can be done, and what was done."""
    door = open_door()
    found = find(door, number)
    end_in_json(as_json, {"incident": found})
    events = door.events(found.stream)
    names, since = names_of(reports.people(found, events)), door.change_since(found)
    content = reports.compose(found, events, names=names, since=since)
    page(reports.markdown(content))


@app.command()
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
    end_in_json(as_json, {"incident": find(door, str(answer.number))})
    say(f"#{answer.number} is open.")


@app.command()
def ack(number: Number, as_json: Json = False) -> None:
    """Acknowledge it: you are working on it."""
    order(number, c.Acknowledge(), as_json=as_json)


@app.command()
def note(number: Number, text: Annotated[str, typer.Argument()], as_json: Json = False) -> None:
    """Add a note."""
    order(number, c.AddNote(text=text), as_json=as_json)


@app.command()
def severity(
    number: Number,
    level: Annotated[Severity, typer.Argument(metavar="SEV1|SEV2|SEV3|SEV4")],
    reason: Reason = "",
    as_json: Json = False,
) -> None:
    """Change its severity."""
    order(number, c.ChangeSeverity(severity=level, reason=reason), as_json=as_json)


@app.command()
def assign(
    number: Number,
    person: Annotated[str, typer.Argument(help="For instance slack:U0123 or terminal:root.")],
    as_json: Json = False,
) -> None:
    """Assign it to somebody."""
    order(number, c.Assign(person=person), as_json=as_json)


@app.command()
def silence(
    number: Number,
    hours: Annotated[float, typer.Option(help="For how many hours.")] = 1.0,
    as_json: Json = False,
) -> None:
    """Silence it for a while."""
    order(number, c.Silence(until=open_door().now() + timedelta(hours=hours)), as_json=as_json)


@app.command()
def look_again(number: Number, as_json: Json = False) -> None:
    """Gather the evidence again and prepare a new menu; until then the present hotfixes stay."""
    order(number, c.LookAgain(), as_json=as_json)


@app.command()
def dismiss(number: Number, reason: Reason = "", as_json: Json = False) -> None:
    """Dismiss it: not an incident; the check learns from the reason."""
    order(number, c.Dismiss(reason=reason), as_json=as_json)


@app.command()
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


@app.command()
def reopen(number: Number, reason: Reason = "", as_json: Json = False) -> None:
    """Reopen it: it is back, or was never gone."""
    order(number, c.Reopen(reason=reason), as_json=as_json)


@app.command()
def close(number: Number, as_json: Json = False) -> None:
    """Close it. Refused until the follow-up is answered."""
    order(number, c.Close(), as_json=as_json)


@app.command()
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
    times = {step: took for step, took, _ in content.times}
    end_in_json(as_json, {"incident": found, "timeline": content.entries, "times": times, "since": since})
    text = reports.html(content) if html and not markdown else reports.markdown(content)
    if out is None:
        page(text)
    else:
        out.write_text(text, encoding="utf-8")


def _picture(door: Door, found: Incident) -> str | None:
    """The picture embedded in the page, so that the file can be sent to anybody."""
    png = door.picture(found.picture) if found.picture else None
    return None if png is None else f"data:image/png;base64,{base64.b64encode(png).decode()}"


@app.command()
def correct(
    number: Number,
    event: Annotated[str | None, typer.Argument(help="Its number in the list; none: show the list.")] = None,
    part: Annotated[Part | None, typer.Argument(help="What of it is wrong.")] = None,
    right: Annotated[
        str | None, typer.Argument(help="What is right: 2026-03-01 02:41 (UTC), SEV2, or the note's words.")
    ] = None,
    reason: Annotated[str, typer.Option("--reason", "-r", help="Why it is corrected.")] = "",
    as_json: Json = False,
) -> None:
    """Correct a time, an onset, a note or a severity; the original stays readable."""
    incident = find(open_door(), number, whole=event is None)
    if event is None:
        _list(incident, as_json)
        return
    if part is None or right is None:
        raise Refused(
            f'Say what is right, for instance: recsysops correct {number} {event} time "2026-03-01 02:41"'
        )
    named = f"{incident.stream}:{event}" if event.isdecimal() else event
    order(number, correction.order(part, named, right, reason), as_json=as_json)


def _list(incident: Incident, as_json: bool) -> None:
    found = correction.choices(incident)
    rows = [{"event": one.event, "part": one.part, "says": one.says} for one in found]
    end_in_json(as_json, {"correctable": rows})
    entries = [(one.version, one.part, one.name, one.says) for one in found]
    table(f"#{incident.number}: what can be corrected", ("Event", "Part", "", "Says"), entries)


@app.command()
def link(
    to: Annotated[
        str,
        typer.Argument(
            metavar=f"[ID|{'|'.join(PAGES)}]",
            help="An incident's number, or a page by name; else the list of all.",
        ),
    ] = "",
    as_json: Json = False,
) -> None:
    """The address of a page, for you alone; it expires, unless people log in for the pages."""
    door, given = open_door(), environment()
    path = f"/{to}" if to in ("", *PAGES) else f"/reports/{find(door, to).number}"
    links = links_of(door, given.public_url, given.login)
    address = links.to(operator(door).id)(path)
    end_in_json(as_json, {"address": address, "expires_at": links.expires_at()})
    say(address or "")  # a link for one person is always given
