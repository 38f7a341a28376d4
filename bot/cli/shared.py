"""What the terminal's commands share: who is asking, how a command is sent, how an answer is printed."""

from __future__ import annotations

import os
import pwd
import time
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from bot.cli.terminal import end_in_json, say, warn
from bot.directory import Directory
from bot.messages import words
from domain.errors import Refused, Unanswered
from domain.incident.commands import Command
from domain.incident.decide import in_hand
from domain.incident.sentence import sentence
from domain.incident.state import Incident
from domain.values import Actor
from workers.door import Answer, Door, environment, open_door

FILE_NAME = "recsysops.toml"
LOOK_UP_SECONDS = 90.0
"""How long to look for the outcome of a command while the store is away."""

Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Number = Annotated[str, typer.Argument(metavar="ID", help="The incident's number.")]
Reason = Annotated[str, typer.Option("--reason", "-r", help="In a few words.")]
File = Annotated[Path | None, typer.Option("--file", help=FILE_NAME)]
Declared = Annotated[
    Path | None,
    typer.Argument(metavar="FILE", help=f"{FILE_NAME}, or its folder. RECSYSOPS_CONFIG if not given."),
]
At = Annotated[str | None, typer.Option(help="As of this time, for instance 2026-11-25T02:40Z.")]


def declaration(given: Path | None) -> Path:
    """The path of the declaration to use."""
    path = given or environment().config
    return path / FILE_NAME if path.is_dir() else path


def moment_of(text: str) -> datetime:
    """
    A time as somebody typed it; UTC if no zone is given.

    Raises:
        Refused: the text is not a time.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Refused(f"{text!r} is not a time; write for instance 2026-11-25 or 2026-11-25T02:40Z") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def at_moment(text: str | None) -> datetime | None:
    """The same, if a time was given."""
    return moment_of(text) if text else None


def operator(door: Door) -> Actor:
    """The person at this terminal."""
    named = door.permissions()
    groups = tuple(sorted({*named.respond, *named.deploy, *named.approve}))
    return Actor(kind="person", id=f"terminal:{account()}", groups=groups)


def account() -> str:
    """
    The operating system user this process runs as; not LOGNAME, which anybody may set.
    """
    number = os.getuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user-{number}"  # in a container, for instance


def find(door: Door, number: str, *, whole: bool = False) -> Incident:
    """
    The incident with this number; see `Door.incident`.

    Raises:
        Refused: there is no such incident.
    """
    found = door.incident(number, whole=whole)
    if found is None:
        raise Refused(f"there is no incident {number}; `recsysops status --all` lists those there are")
    return found


def order(number: str, command: Command, *, as_json: bool) -> None:
    """Send this command to an incident, and print the result."""
    door = open_door()
    incident = find(door, number)
    answer = ask(door, incident.stream, command)
    after = find(door, number)
    end_in_json(as_json, {"incident": after, "events": [e.event.wire_name for e in answer.events]})
    labels = {option.key: option.label for option in after.menu or ()}
    for one in answer.events:
        say(_with_names(sentence(one.event, labels)))
    nothing = "" if answer.events else "Nothing to do: "
    say(f"{nothing}#{after.number} is {after.status}.")
    if after.status in ("resolved", "closed") and (still := in_hand(after)):
        say(f"{still}. `recsysops hotfix revert {after.number}` takes it back.")


def _with_names(said: str) -> str:
    return words.with_names(said, partial(words.spoken, names=names_of(words.people_in(said))))


def ask(door: Door, stream: str | None, command: Command) -> Answer:
    """
    The outcome of a command; looked up if the store's answer was lost.

    Raises:
        Refused: a rule forbids it; or it was not done, and may be asked again.
        Unanswered: the store has not come back.
    """
    try:
        return door.submit(stream, command, operator(door), f"terminal:{uuid.uuid4()}")
    except Refused as refusal:
        raise type(refusal)(_with_names(str(refusal))) from None
    except Unanswered as unknown:
        warn("The store did not answer; looking up whether this was done …")
        found = _looked_up(door, unknown)
    if found is None:
        raise Refused("This was not done: the store did not write it down. Ask again.")
    return found


def _looked_up(door: Door, unknown: Unanswered) -> Answer | None:
    until = time.monotonic() + LOOK_UP_SECONDS
    while True:
        try:
            return door.look_up(unknown)
        except Unanswered:
            if time.monotonic() > until:
                raise
            time.sleep(0.5)


def utc(at: datetime | None) -> str:
    """A time for a terminal."""
    return "–" if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M}"


def who(actor: str | None, names: words.Names = words.NOBODY) -> str:
    """The actor's name, or “nobody”."""
    return "nobody" if actor is None else words.spoken(actor, names)


def names_of(people: Iterable[str | None]) -> words.Names:
    """Person (`slack:U123`) → name; people whose name is not known here are left out."""
    asked = {one for one in people if one is not None and one.startswith(words.PERSON_PREFIX)}
    given = environment()
    if not asked or not given.slack_bot_token:
        return words.NOBODY
    return Directory(given.slack_bot_token, given.slack_base_url).of(asked)
