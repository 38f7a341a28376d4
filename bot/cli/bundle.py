"""`recsysops bundle`: the data behind a diagnosis, verified against the log; and the diagnosis repeated."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from bot.cli.shared import Json, Number, find, utc
from bot.cli.terminal import end_in_json, say, table
from domain.bundle import BundleAnswer, Differs, RerunAnswer
from domain.values import Diagnosis
from workers import door
from workers.door import open_door

DIFFERS = 1
SHOW = "show"


class OpensOne(TyperGroup):
    """`bundle 142` is `bundle show 142`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take a first word that is not a command of the group as an incident's number."""
        if args and not args[0].startswith("-") and args[0] not in self.commands:
            args = [SHOW, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=OpensOne, help="What a diagnosis was made from: `bundle ID` opens it.", no_args_is_help=True
)
Event = Annotated[
    int | None,
    typer.Option("--event", metavar="NUMBER", help="Of the diagnosis in this event; else of the newest."),
]


@app.command(SHOW)
def show(
    number: Number,
    export: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write it out here, under the files' own names.")
    ] = None,
    event: Event = None,
    as_json: Json = False,
) -> None:
    """What is in it, each file verified against the log. Exit code 1 if a file is not what was kept."""
    here = open_door()
    incident = find(here, number)
    found = door.bundle(here, incident, event)
    written = []
    if export is not None and not found.wrong:
        written = door.export_bundle(here, incident, export, event)
    code = DIFFERS if found.wrong else 0
    end_in_json(as_json, {"bundle": found, "exported": written}, code)
    _show(found)
    if written:
        say(f"{len(written)} files are in {export}")
    raise typer.Exit(code)


@app.command()
def rerun(number: Number, event: Event = None, as_json: Json = False) -> None:
    """
    Repeat the diagnosis from the kept data with today's code. Exit code 1 if the result differs.
    """
    here = open_door()
    found = door.bundle_again(here, find(here, number), event)
    code = DIFFERS if found.differs else 0
    end_in_json(as_json, {"rerun": found}, code)
    _compared(found)
    raise typer.Exit(code)


def _show(found: BundleAnswer) -> None:
    say(f"#{found.number}  {found.title}")
    say(f"Root {found.root}")
    say(f"in the log as event {found.event}, kept {utc(found.kept_at)} UTC")
    rows = [
        (
            one.name,
            "–" if one.rows is None else f"{one.rows:,}",
            f"{one.bytes:,}",
            one.sha256[:12],
            one.wrong or "as kept",
        )
        for one in found.files
    ]
    table("", ("File", "Rows", "Bytes", "SHA-256", "Held against the log"), rows)
    for label, lines in (("Left out", found.left_out), ("Sampled", found.sampled)):
        for line in lines:
            say(f"{label}: {line}")
    same = "the same as now" if found.same_code else "another than now"
    say(f"Code ({same}): {found.code}; seed {found.seed}")
    if found.model is not None:
        say(f"Model: {found.model}")
    say("")
    say(f"The diagnosis, as it was shown from {utc(found.diagnosed_at)} UTC on:")
    _diagnosis(found.diagnosis)
    say("")
    say(f"The files lie under {found.folder}, each by its SHA-256; --export FOLDER gives them their names.")
    for one in found.wrong:
        say(f"NOT AS KEPT: {one.name} {one.wrong}")


def _diagnosis(diagnosis: Diagnosis) -> None:
    say(f"  {diagnosis.cause or 'The cause is not established.'}")
    for one in diagnosis.evidence:
        say(f"  • {one.statement}")


def _compared(found: RerunAnswer) -> None:
    for note in found.notes:
        say(note)
    if not found.differs:
        count = len(found.now.evidence)
        say(f"The same diagnosis: cause, candidates and {count} lines of evidence ({found.seconds:.1f} s).")
        say(f"  {found.now.cause or 'The cause is not established.'}")
        return
    say(f"Another diagnosis: {len(found.differs)} lines differ ({found.seconds:.1f} s).")
    for one in found.differs:
        for line in _lines(one):
            say(line)


def _lines(one: Differs) -> list[str]:
    sides = (("−", one.then), ("+", one.now))
    return [f"  {sign} {one.what}: {said}" for sign, said in sides if said is not None]
