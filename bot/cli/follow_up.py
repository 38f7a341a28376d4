"""`recsysops follow-up …`: what the practice learns from an incident."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from bot.cli.shared import Json, Number, console, find, order, print_json
from domain.incident import commands as c
from domain.values import Improvement
from workers.door import open_door

app = typer.Typer(help="What the practice learns from an incident.", no_args_is_help=True)


@app.command()
def accept(
    number: Number,
    check: Annotated[
        str | None, typer.Option(help="Which of the proposed checks; the first, if not said.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Take the proposal as it is."""
    order(number, c.AcceptFollowUp(check=check), as_json=as_json)


@app.command()
def show(number: Number, as_json: Json = False) -> None:
    """The proposed changes with what their replays came to, and what became of the one agreed on."""
    incident = find(open_door(), number)
    changes, came = incident.changes, incident.change_came
    if as_json:
        agreed = incident.change.name if incident.change else None
        told = [one.model_dump(mode="json") for one in changes]
        became = came.model_dump(mode="json") if came else None
        print_json({"changes": told, "note": incident.proposed_note, "agreed": agreed, "became": became})
        return
    given = incident.follow_up or incident.proposed
    lines = [f"{given.change}: {given.detail}" if given else "Nothing is proposed yet"]
    lines += [f"{one.change.name}: {one.says}. {one.proof}\n{one.change.lines}" for one in changes]
    lines += [incident.proposed_note] if incident.proposed_note else []
    if came is not None:
        lines.append("written" if came.written else f"for a person to add: {came.reason}")
        lines.append(came.diff)
    console().print("\n".join(lines), markup=False, highlight=False)


@app.command()
def answer(
    number: Number,
    detect_faster: Annotated[
        str, typer.Option(help="Could it have been detected faster, or predicted?")
    ] = "",
    diagnose_faster: Annotated[str, typer.Option(help="Could it have been diagnosed faster?")] = "",
    change: Annotated[
        Literal["check", "threshold", "log", "hotfix", "nothing"], typer.Option(help="What changes?")
    ] = "nothing",
    detail: Annotated[str, typer.Option(help="What exactly, or why nothing.")] = "",
    check: Annotated[str | None, typer.Option(help="Which of the proposed checks is declared.")] = None,
    as_json: Json = False,
) -> None:
    """Answer the three questions yourself."""
    improvement = Improvement(
        detect_faster=detect_faster, diagnose_faster=diagnose_faster, change=change, detail=detail
    )
    order(number, c.AnswerFollowUp(improvement=improvement, check=check), as_json=as_json)
