"""`recsysops forget …`: erases for good who somebody is, which is kept beside the log."""

from __future__ import annotations

from typing import Annotated

import typer

from bot.cli.shared import Json
from bot.cli.terminal import print_json, say
from domain.errors import Refused
from workers.door import open_door


def register(app: typer.Typer) -> None:
    app.command()(forget)


def forget(
    person: Annotated[str, typer.Argument(help="For instance slack:U0123 or terminal:root.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask again.")] = False,
    as_json: Json = False,
) -> None:
    """Forget who somebody is: all they did is then attributed to “a former member”. Cannot be undone."""
    if not yes:
        typer.confirm(f"Forget who {person} is, for ever?", abort=True, err=True)
    if not open_door().forget(person):
        raise Refused(
            f"nobody is known as {person}; write the id with where it is from, for instance slack:U0123"
        )
    if as_json:
        print_json({"forgotten": person})
        return
    say(
        "Forgotten. Messages are drawn anew within a minute; lines that stand in threads stay.",
    )
