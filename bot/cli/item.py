"""One item, and choices that the model did not foresee, in a terminal."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from bot.cli.shared import At, File, Json, at_moment, declaration, utc
from bot.cli.terminal import end_in_json, say, table
from bot.messages import item as messages
from bot.messages.miss import instead_of, lowest, place, slice_asked
from domain.answer import Miss
from domain.errors import ConfigurationError
from domain.values import name_slice
from workers import door

app = typer.Typer()


@app.command()
def item(
    key: Annotated[str, typer.Argument(metavar="ID", help="The item's key, or its exact title.")],
    file: File = None,
    png: Annotated[Path | None, typer.Option(help="Write the picture here.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write a page with everything here.")] = None,
    at: At = None,
    as_json: Json = False,
) -> None:
    """Whether an item gets its expected exposure; if not, since when; and the items it is compared with."""
    for out in (png, html):
        if out is not None and not out.absolute().parent.is_dir():
            raise ConfigurationError(f"{out}: there is no such folder; make it, or choose another")
    answer, picture = door.item(declaration(file), key, at_moment(at))
    if png is not None:
        png.write_bytes(picture)
    if html is not None:
        html.write_text(messages.page(answer, picture), encoding="utf-8")
    end_in_json(as_json, {"item": answer})
    say(f"{messages.SIGNS[answer.verdict]} {answer.headline}")
    table("", ("", ""), messages.facts(answer))
    for line in (*answer.basis, *answer.notes):
        say(line)


@app.command()
def misses(
    limit: Annotated[int, typer.Option(min=1, help="So many, the lowest-ranked first.")] = 20,
    where: Annotated[
        list[str] | None, typer.Option("--slice", help="Only these, for instance device=tv; may be repeated.")
    ] = None,
    since: Annotated[str | None, typer.Option(help="From this time on, UTC.")] = None,
    file: File = None,
    as_json: Json = False,
) -> None:
    """Choices of items that the model had ranked low, lowest first: who, what, where, instead of what."""
    start = at_moment(since)
    wanted = slice_asked(where or ())
    read = door.misses(declaration(file), start, wanted, limit)
    kept = lowest((*_kept(start), *read), wanted, limit)
    end_in_json(as_json, {"misses": kept})
    if not kept:
        say("None is recorded. Checks of kind misses record them.")
        return
    columns = ("When, UTC", "Member", "Chose", "Rank", "Context", "Instead of", "Model")
    table("", columns, [_row(one) for one in kept])


def _kept(since: datetime | None) -> list[Miss]:
    """Misses the log keeps from days the tables may no longer hold; none if no log is configured."""
    try:
        kept = door.kept_misses(door.open_door())
    except ConfigurationError:
        return []
    return [one for one in kept if since is None or one.at >= since]


def _row(miss: Miss) -> tuple[str, ...]:
    context, model = name_slice(miss.slice), miss.version or miss.model
    chose = miss.title or miss.item
    return utc(miss.at), miss.member or "–", chose, place(miss), context, instead_of(miss) or "–", model
