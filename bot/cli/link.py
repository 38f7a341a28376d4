"""`recsysops link`: the address of a page for the person at the terminal."""

from __future__ import annotations

from typing import Annotated

import typer

from bot.cli.shared import Json, find, operator
from bot.cli.terminal import print_json, say
from bot.pages.links import links_of
from workers.door import environment, open_door

NAMED = ("audit", "replay", "scorecard")
Page = Annotated[
    str,
    typer.Argument(
        metavar=f"[ID|{'|'.join(NAMED)}]",
        help="An incident's number, or a page by name; else the list of all.",
    ),
]


def register(app: typer.Typer) -> None:
    app.command()(link)


def link(page: Page = "", as_json: Json = False) -> None:
    """The address of a page, for you alone; it expires, unless people log in for the pages."""
    door, given = open_door(), environment()
    path = f"/{page}" if page in ("", *NAMED) else f"/reports/{find(door, page).number}"
    links = links_of(door, given.public_url, given.login)
    address = links.to(operator(door).id)(path)
    if as_json:
        print_json({"address": address, "expires_at": links.expires_at()})
    else:
        say(address or "")  # a link for one person is always given
