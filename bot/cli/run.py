"""`recsysops up` and `demo`; and what to paste when creating the Slack app."""

from __future__ import annotations

from typing import Annotated

import typer

from bot.cli.terminal import print_json, say
from bot.slack.manifest import manifest
from bot.up import up
from bot.up.example import FAULTS, FIRST_FAULT
from bot.up.machine import Ports

Web = Annotated[int, typer.Option("--port", help="Port of the web process.")]
Workspace = Annotated[int, typer.Option(help="Port of the chat workspace.")]
Cinema = Annotated[int, typer.Option(help="Port of the example's recommender.")]
Example = Annotated[str | None, typer.Option(help="Run an example beside it: cinema.")]
Fault = Annotated[
    str,
    typer.Option("--fault", help=f"What goes wrong in it once its page is viewed: {', '.join(FAULTS)}."),
]
Chat = Annotated[
    bool, typer.Option("--chat", help="A chat workspace on this machine, to try it without Slack.")
]
Socket = Annotated[bool, typer.Option("--socket", help="The bot in that workspace over Socket Mode.")]
DEFAULT = Ports()

app = typer.Typer()
slack = typer.Typer(help="The Slack app.", no_args_is_help=True)
app.add_typer(slack, name="slack")


@app.command("up")
def run(
    example: Example = None,
    port: Web = DEFAULT.web,
    workspace_port: Workspace = DEFAULT.workspace,
    cinema_port: Cinema = DEFAULT.cinema,
    fault: Fault = FIRST_FAULT,
    chat: Chat = False,
    socket: Socket = False,
) -> None:
    """Start everything and print one address. Ctrl-C stops it."""
    ports = Ports(port, workspace_port, cinema_port)
    raise typer.Exit(up(example, ports, say, fault, chat=chat, socket_mode=socket))


@app.command()
def demo(
    port: Web = DEFAULT.web,
    workspace_port: Workspace = DEFAULT.workspace,
    cinema_port: Cinema = DEFAULT.cinema,
    fault: Fault = FIRST_FAULT,
    socket: Socket = False,
) -> None:
    """The same as `up --example cinema`: live through one incident."""
    run("cinema", port, workspace_port, cinema_port, fault, chat=True, socket=socket)


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
