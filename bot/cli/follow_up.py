"""`recsysops follow-up …`: what the practice learns from an incident."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from bot.cli.shared import Json, Number, find, order
from bot.cli.terminal import end_in_json, page, say, table
from bot.messages.follow_up import COLUMNS, NONE_OPEN, became, row, standings
from domain.errors import Refused
from domain.incident import commands as c
from domain.incident.followed import is_open
from domain.incident.state import Incident
from domain.values import Improvement
from workers.door import Door, open_door

Given = Annotated[str | None, typer.Option(help="As proposed, if not said.")]

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
    """The proposed changes with the results of their replays, and what became of the one agreed on."""
    incident = find(open_door(), number)
    changes, came = incident.changes, incident.change_came
    known = {
        "note": incident.proposed_note,
        "agreed": incident.change.name if incident.change else None,
        "became": came,
        "followed": incident.followed,
    }
    end_in_json(as_json, {"changes": changes, **known})
    given = incident.follow_up or incident.proposed
    lines = [f"{given.change}: {given.detail}" if given else "Nothing is proposed yet"]
    lines += [f"{one.change.name}: {one.says}. {one.proof}\n{one.change.lines}" for one in changes]
    lines += [incident.proposed_note] if incident.proposed_note else []
    lines += became(incident)
    lines += [came.diff] if came is not None else []
    for line in lines:
        page(line)


@app.command("list")
def list_all(
    every: Annotated[
        bool, typer.Option("--all", help="Those that are done, declined or taken back too.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Changes agreed on after incidents and not done yet, across all incidents; overdue ones first."""
    door = open_door()
    # What is only proposed belongs to incidents that are not closed.
    incidents = door.incidents() if every else {one.stream: one for one in _to_do(door)}.values()
    found = standings(list(incidents), door.now(), every=every)
    end_in_json(as_json, {"follow_ups": found})
    if not found:
        say(NONE_OPEN)
        return
    table("", COLUMNS, [row(one) for one in found])


def _to_do(door: Door) -> list[Incident]:
    return [*door.followed(), *door.incidents("resolved")]


@app.command()
def edit(
    number: Number,
    detect_faster: Given = None,
    diagnose_faster: Given = None,
    detail: Given = None,
    check: Annotated[str | None, typer.Option(help="Which of the proposed checks is declared.")] = None,
    as_json: Json = False,
) -> None:
    """Accept the proposal in your own words; what you leave out stays as proposed."""
    incident = find(open_door(), number)
    known = incident.follow_up or incident.proposed
    if known is None:
        raise Refused("nothing is proposed yet; `recsysops follow-up answer` takes an answer of your own")
    said = {"detect_faster": detect_faster, "diagnose_faster": diagnose_faster, "detail": detail}
    improvement = known.model_copy(update={name: text for name, text in said.items() if text is not None})
    order(number, c.AnswerFollowUp(improvement=improvement, check=check), as_json=as_json)


@app.command()
def decline(
    number: Number,
    reason: Annotated[str, typer.Option("--reason", "-r", help="Why nothing changes.")] = "",
    as_json: Json = False,
) -> None:
    """Say that nothing changes, and why; after it was agreed on, that it is not to be done after all."""
    incident = find(open_door(), number)
    if incident.follow_up is not None and is_open(incident):
        order(number, c.DropFollowUp(reason=reason), as_json=as_json)
        return
    known = incident.proposed or Improvement(
        detect_faster="", diagnose_faster="", change="nothing", detail=""
    )
    nothing = {"change": "nothing", "detail": reason, "proof": None}
    order(number, c.AnswerFollowUp(improvement=known.model_copy(update=nothing)), as_json=as_json)


@app.command()
def done(
    number: Number,
    says: Annotated[str, typer.Option("--says", "-s", help="In what way it is done.")] = "",
    as_json: Json = False,
) -> None:
    """Say that it is done, if no replay can show it."""
    order(number, c.RecordFollowUpDone(says=says), as_json=as_json)


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
