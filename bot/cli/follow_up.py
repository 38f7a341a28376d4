"""`recsysops follow-up …`: what the practice learns from an incident."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from bot.cli.shared import Json, Number, order
from domain.incident import commands as c
from domain.values import Improvement

app = typer.Typer(help="What the practice learns from an incident.", no_args_is_help=True)


@app.command()
def accept(number: Number, as_json: Json = False) -> None:
    """Take the proposal as it is."""
    order(number, c.AcceptFollowUp(), as_json=as_json)


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
    as_json: Json = False,
) -> None:
    """Answer the three questions yourself."""
    improvement = Improvement(
        detect_faster=detect_faster, diagnose_faster=diagnose_faster, change=change, detail=detail
    )
    order(number, c.AnswerFollowUp(improvement=improvement), as_json=as_json)
