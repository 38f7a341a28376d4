"""`recsysops scorecard`: how well the practice works, and whether it is improving."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from bot.cli.recommender import FILE_NAME, declaration
from bot.cli.shared import Json
from bot.cli.table import table
from bot.cli.terminal import print_json, say
from bot.messages.practice import scorecard as messages
from domain.incident.times import definition
from domain.scored import LATELY
from workers.door import open_door


def register(app: typer.Typer) -> None:
    app.command()(scorecard)


def scorecard(
    file: Annotated[Path | None, typer.Option("--file", help=FILE_NAME)] = None,
    days: Annotated[int, typer.Option(min=1, help="What is lately, beside everything before.")] = LATELY.days,
    by: Annotated[
        list[str] | None, typer.Option(help="A time by an earlier definition too, for instance detect=v1.")
    ] = None,
    as_json: Json = False,
) -> None:
    """How long each step takes now and took before, over the newest 500 incidents; which promises held."""
    beside = [definition(one) for one in by or ()]
    found = open_door().scorecard(timedelta(days=days), beside, declaration(file))
    if as_json:
        print_json(found.model_dump(mode="json"))
        return
    say(f"{messages.headline(found)}.")
    for name, said in messages.components(found):
        say(f"{name}: {said}")
    if helps := messages.helps_most(found):
        say(f"What would help most: {helps}.")
    table("", messages.time_columns(found), list(messages.time_rows(found)))
    table("", messages.share_columns(found), list(messages.share_rows(found)))
    if not found.promises:
        say(messages.NO_PROMISES)
    else:
        table("", messages.PROMISES, [messages.kept_row(one) for one in found.promises])
    if found.costs:
        table("", messages.COSTS, [messages.kept_row(one) for one in found.costs])
    say(messages.beside(found))
    if beside:
        for line in messages.definitions(found):
            say(line)
