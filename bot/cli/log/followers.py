"""`recsysops followers`: who follows the log, how far each has come, and which events it had to skip."""

from __future__ import annotations

import time
from typing import Annotated

import typer
from rich.progress import Progress

from bot.cli.progress import progress_bar
from bot.cli.shared import Json
from bot.cli.table import table
from bot.cli.terminal import Screen, print_json, say
from bot.messages import words
from workers import door as service
from workers.door import Door, Following, open_door

LOOK_SECONDS = 0.5
COLUMNS = ("follower", "position", "behind", "waiting for", "state", "left out")

app = typer.Typer(help="The followers of the log, and how far they are.", invoke_without_command=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The follower, as `recsysops followers` lists it.")]
From = Annotated[
    int | None,
    typer.Option("--from", help="Do every event after this position again; 0 is from the beginning."),
]


@app.callback()
def show(context: typer.Context, as_json: Json = False) -> None:
    """Each follower: its position, how far it is behind, and the events it had to skip."""
    if context.invoked_subcommand is not None:
        return
    found = open_door().followers()
    if as_json:
        print_json({"followers": [one.model_dump(mode="json") for one in found]})
        return
    table(
        "",
        ("follower", "position", "behind", "waiting for", "state", "left out"),
        [_row(one) for one in found],
    )
    for one in found:
        for aside in one.aside:
            say(f"{one.name} left out event {aside.position}: {aside.trouble}")


@app.command()
def pause(name: Name) -> None:
    """Pause a follower; nothing is lost, its events wait in the log."""
    service.pause(open_door(), name, True)
    say(f"{name} is paused until `recsysops followers resume {name}`.")


@app.command()
def resume(name: Name) -> None:
    """Resume a paused follower where it stopped."""
    service.pause(open_door(), name, False)
    say(f"{name} is resumed.")


@app.command()
def replay(
    name: Name,
    after: From = None,
    wait: Annotated[bool, typer.Option(help="Watch it until it is done.")] = True,
) -> None:
    """
    Retry the events that a follower skipped, or (--from) go over the log. Nothing is posted or deployed
    twice.
    """
    door = open_door()
    count = service.replay(door, name, after)
    if not count:
        say(f"{name} has skipped nothing.")
    elif wait:
        _watch(door, name, count)
    else:
        say(f"{name} goes over {count} again.")


def _watch(door: Door, name: str, count: int) -> None:
    with Progress(*progress_bar(), console=Screen()) as progress:
        task = progress.add_task(name, total=count)
        while not progress.finished:
            (now,) = [one for one in door.followers() if one.name == name]
            left = now.behind + sum(1 for one in now.aside if one.again)
            progress.update(task, completed=max(0, count - left), description=_state(now))
            if now.paused or now.trouble:
                break
            time.sleep(LOOK_SECONDS)
    (now,) = [one for one in door.followers() if one.name == name]
    failed = f"; {len(now.aside)} still cannot be done" if now.aside else ""
    say(f"{name} is at {now.position}, {now.behind} behind{failed}.")


def _row(one: Following) -> tuple[str, ...]:
    waited = words.lasting(one.lag) if one.behind else "–"
    return (one.name, str(one.position), str(one.behind), waited, _state(one), str(len(one.aside)))


def _state(one: Following) -> str:
    if one.paused:
        return "paused"
    if one.trouble:
        return f"failed {one.failures} times: {one.trouble}"
    return "up to date" if one.behind == 0 else "catching up"
