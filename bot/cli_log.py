"""`recsysops events …`: the log itself."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from bot.cli_desk import Json, console, print_json
from workers import door
from workers.door import open_door

app = typer.Typer(help="The log itself.", no_args_is_help=True)


@app.command()
def export(
    after: Annotated[int, typer.Option(help="Begin behind this position.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Write to this file.")] = None,
) -> None:
    """Every event as a line of JSON."""
    if out is None:
        sys.stdout.buffer.writelines(door.export(open_door(), after))
        return
    with out.open("wb") as file:
        file.writelines(door.export(open_door(), after))


@app.command()
def verify(as_json: Json = False) -> None:
    """Hold the hash chains and the cards against the events."""
    verified = door.verify(open_door())
    if as_json:
        print_json({"verified": True, **verified.model_dump(mode="json")})
    else:
        counted = ", ".join(f"{count} {name}" for name, count in verified.model_dump().items())
        console().print(f"The log is as it was written: {counted}.", highlight=False)
