"""`recsysops slack manifest`: what to paste when creating the Slack app."""

from __future__ import annotations

from typing import Annotated

import typer

from bot.cli.terminal import print_json
from bot.slack.manifest import manifest

slack = typer.Typer(help="The Slack app.", no_args_is_help=True)


@slack.callback()
def _slack() -> None:
    """The Slack app."""


@slack.command("manifest")
def print_manifest(
    url: Annotated[
        str | None, typer.Option(help="Where Slack reaches the bot, for instance https://ops.example.com.")
    ] = None,
    socket: Annotated[bool, typer.Option("--socket", help="For Socket Mode: no address is needed.")] = False,
) -> None:
    """Print the manifest: api.slack.com/apps, Create New App, From a manifest, JSON."""
    print_json(manifest(url, socket_mode=socket))


def register(app: typer.Typer) -> None:
    app.add_typer(slack, name="slack")
