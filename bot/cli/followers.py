"""`recsysops followers` and `obligations`: who follows the log, and what it is waiting for."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Annotated

import typer
from rich.progress import Progress

from bot.cli.shared import Json, Number, find, utc
from bot.cli.terminal import Screen, end_in_json, progress_bar, say, table
from bot.messages import words
from workers import door as service
from workers.door import Door, Following, OpenObligation, open_door

LOOK_SECONDS = 0.5
MOST_SHOWN = 100
OPEN_COLUMNS = ("Incident", "Obligation", "Since, UTC", "For", "Tries", "Next try", "Last error")
COLUMNS = ("follower", "position", "behind", "waiting for", "state", "left out")

app = typer.Typer()
followers = typer.Typer(help="The followers of the log, and how far they are.", invoke_without_command=True)
obligations = typer.Typer(
    help="Open obligations, and how the workers are coming along.", invoke_without_command=True
)
app.add_typer(followers, name="followers")
app.add_typer(obligations, name="obligations")

Name = Annotated[str, typer.Argument(metavar="NAME", help="The follower, as `recsysops followers` lists it.")]
Kind = Annotated[
    str | None, typer.Argument(metavar="KIND", help="As `recsysops obligations` lists it; all if not given.")
]
From = Annotated[
    int | None,
    typer.Option("--from", help="Do every event after this position again; 0 is from the beginning."),
]


@followers.callback()
def show_followers(context: typer.Context, as_json: Json = False) -> None:
    """Each follower: its position, how far it is behind, and the events it had to skip."""
    if context.invoked_subcommand is not None:
        return
    found = open_door().followers()
    end_in_json(as_json, {"followers": found})
    table("", COLUMNS, [_row(one) for one in found])
    for one in found:
        for aside in one.aside:
            say(f"{one.name} left out event {aside.position}: {aside.trouble}")


@followers.command()
def pause(name: Name) -> None:
    """Pause a follower; nothing is lost, its events wait in the log."""
    service.pause(open_door(), name, True)
    say(f"{name} is paused until `recsysops followers resume {name}`.")


@followers.command()
def resume(name: Name) -> None:
    """Resume a paused follower where it stopped."""
    service.pause(open_door(), name, False)
    say(f"{name} is resumed.")


@followers.command()
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


@obligations.callback()
def show_obligations(context: typer.Context, as_json: Json = False) -> None:
    """Open obligations: since when, how often tried, when next, and the last error."""
    if context.invoked_subcommand is not None:
        return
    door = open_door()
    if as_json:
        end_in_json(as_json, {"obligations": list(door.owed())})
    found, now = door.owed(MOST_SHOWN), door.now()
    if not found:
        say("No obligation is open.")
        return
    table("", OPEN_COLUMNS, [_open_row(one, now) for one in found])
    left = sum(one.count for one in door.owed_sums()) - len(found)
    if left > 0:
        say(f"and {left:,} more, all of them with --json.")


@obligations.command()
def retry(number: Number, kind: Kind = None, as_json: Json = False) -> None:
    """Retry it at once, as if for the first time; the clock's process hands it over."""
    door = open_door()
    again = service.retry(door, find(door, number), kind)
    end_in_json(as_json, {"obligations": again})
    for one in again:
        say(f"#{one.number}: “{one.kind}” is tried again within seconds.")


def _open_row(one: OpenObligation, now: datetime) -> tuple[str, ...]:
    return (
        f"#{one.number}",
        one.kind,
        utc(one.since),
        words.lasting(now - one.since),
        str(one.tries),
        _next(one, now),
        (one.trouble or "").partition("\n")[0],
    )


def _next(one: OpenObligation, now: datetime) -> str:
    if one.next_try_at is None:
        return "–"
    return "now" if one.next_try_at <= now else f"in {words.lasting(one.next_try_at - now)}"
