"""`recsysops hotfix …`: the menu of an incident, and what was chosen from it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated

import typer

from bot.cli.shared import Json, Number, find, names_of, order, who
from bot.cli.terminal import end_in_json, say, table
from bot.messages import words
from bot.messages.in_force import in_force, repaired, stage, worth
from bot.messages.incident.explained import explained
from bot.messages.incident.why import why as why_left_out
from domain.errors import Refused
from domain.incident import commands as c
from domain.incident.ranking import why_first
from domain.incident.state import Incident
from domain.values import Option
from workers.door import open_door

app = typer.Typer(help="The hotfixes of an incident.", no_args_is_help=True)
Which = Annotated[
    str | None,
    typer.Argument(
        metavar="OPTION", help="Its number on the menu, or its key. The one in hand if not given."
    ),
]


Menu = Annotated[
    str | None,
    typer.Option(
        "--menu",
        metavar="DIGEST",
        help="The menu whose numbers you read, as `hotfix list` shows it. Without it you are shown them and "
        "asked, where somebody is there to answer.",
    ),
]


@app.command("list")
def list_hotfixes(number: Number, as_json: Json = False) -> None:
    """The menu with its numbers."""
    incident = find(open_door(), number)
    options = incident.menu or ()
    known = {"options": options, "hotfix": incident.hotfix, "spent": incident.spent}
    end_in_json(as_json, {"menu": incident.menu_digest, **known})
    if not options:
        say(incident.menu_note or "There is no menu yet.")
        return
    _show(dict(enumerate(options, 1)))
    if why := why_first([one for one in options if not incident.spent_on(one)]):
        say(why)
    for one in incident.spent:
        say(f"{one.label}: {one.words}")
    say(f"Menu {incident.menu_digest}")


@app.command("why")
def why_not(
    number: Number,
    hotfix: Annotated[
        str | None, typer.Argument(metavar="HOTFIX", help="Its name in the declaration; all, if not given.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Why a declared hotfix is not on the menu."""
    incident = find(open_door(), number)
    answer = why_left_out(incident, hotfix)
    known = {"said": answer.said, "left_out": answer.left_out}
    end_in_json(as_json, {"menu": incident.menu_digest, **known})
    say(answer.said)
    for one in answer.left_out:
        say(f"{one.label} ({one.hotfix}): {one.why}")


@app.command()
def explain(
    number: Number,
    option: Annotated[str, typer.Argument(metavar="OPTION", help="Its number on the menu, or its key.")],
    as_json: Json = False,
) -> None:
    """Everything known about one option: what it does, what it costs whom, and how that is known."""
    incident = find(open_door(), number)
    chosen = incident.option(_key(incident, option))
    if chosen is None:
        raise Refused(f"{option!r} is not on the menu of #{incident.number}")
    end_in_json(as_json, {"menu": incident.menu_digest, "option": chosen})
    table(chosen.label, ("", "What is known"), explained(chosen))


def _show(options: Mapping[int, Option]) -> None:
    rows = [
        (
            str(place),
            one.label,
            words.estimate(one.repairs),
            words.effect(one.costs),
            words.seconds(one.deploy_seconds),
            one.undo,
            one.repairs.basis,
        )
        for place, one in options.items()
    ]
    table("", ("", "Hotfix", "Repairs", "Costs", "In", "Undo", "How we know"), rows)


@app.command()
def choose(
    number: Number, option: Annotated[str, typer.Argument()], menu: Menu = None, as_json: Json = False
) -> None:
    """Deploy this one (or ask a second person to approve it)."""
    incident = find(open_door(), number)
    key = _key(incident, option)
    order(number, c.ChooseHotfix(option=key, menu=menu or _read(incident, key, as_json)), as_json=as_json)


@app.command()
def approve(number: Number, option: Which = None, menu: Menu = None, as_json: Json = False) -> None:
    """Approve what somebody else chose."""
    incident = find(open_door(), number)
    key = _key(incident, option)
    order(number, c.ApproveHotfix(option=key, menu=menu or _read(incident, key, as_json)), as_json=as_json)


@app.command("break-glass")
def break_glass(
    number: Number,
    option: Which = None,
    reason: Annotated[
        str, typer.Option("--reason", "-r", help="Why it cannot wait; it is posted in the channel.")
    ] = "",
    menu: Menu = None,
    as_json: Json = False,
) -> None:
    """Deploy, without the second person, what is waiting for one, if [permissions] break_glass lets you."""
    incident = find(open_door(), number)
    key = _key(incident, option)
    read = menu or _read(incident, key, as_json)
    order(number, c.BreakGlass(option=key, menu=read, reason=reason), as_json=as_json)


@app.command()
def reject(
    number: Number,
    option: Which = None,
    reason: Annotated[str, typer.Option("--reason", "-r")] = "",
    as_json: Json = False,
) -> None:
    """Reject what somebody chose."""
    key = _key(find(open_door(), number), option)
    order(number, c.RejectHotfix(option=key, reason=reason), as_json=as_json)


@app.command()
def revert(number: Number, option: Which = None, as_json: Json = False) -> None:
    """Revert it."""
    order(number, c.RevertHotfix(option=_key(find(open_door(), number), option)), as_json=as_json)


@app.command()
def renew(
    number: Number,
    option: Which = None,
    reason: Annotated[str, typer.Option("--reason", "-r", help="Why it should stay in force longer.")] = "",
    as_json: Json = False,
) -> None:
    """Renew it for the same time that it was offered for."""
    key = _key(find(open_door(), number), option)
    order(number, c.RenewHotfix(option=key, reason=reason), as_json=as_json)


@app.command("in-force")
def list_in_force(as_json: Json = False) -> None:
    """Every hotfix that acts on the recommender, across all incidents; those that end first come first."""
    found = in_force(open_door().in_force(), datetime.now(UTC))
    end_in_json(as_json, {"in_force": found})
    if not found:
        say("No hotfix is in force.")
        return
    names = names_of(one.owner for one in found)
    rows = [
        (
            f"#{one.number}",
            one.hotfix,
            words.seconds(one.age_seconds),
            "never" if one.expires_in_seconds is None else f"in {words.seconds(one.expires_in_seconds)}",
            who(one.owner, names),
            stage(one),
            repaired(one),
            worth(one) or "nobody is held out",
        )
        for one in found
    ]
    table("", ("Incident", "Hotfix", "Age", "Expires", "Owner", "Stage", "Repaired", "Today"), rows)


def _read(incident: Incident, key: str, as_json: bool) -> str:
    """
    The digest of the menu that is current now: its numbers are shown, and the person there is asked.

    Raises:
        Refused: nobody is there to read them, so the menu has to be named.
    """
    if as_json or not sys.stdin.isatty():
        raise Refused(
            "say which numbers you mean: --menu DIGEST, the digest that `recsysops hotfix list "
            f"{incident.number}` shows under them"
        )
    options = dict(enumerate(incident.menu or (), 1))
    _show({place: one for place, one in options.items() if one.key == key})
    typer.confirm(f"Is this what you want for #{incident.number}?", abort=True)
    return incident.menu_digest


def _key(incident: Incident, given: str | None) -> str:
    """The option's key, given its place on the menu, its key or its hotfix's name."""
    if given is None:
        return _in_hand(incident)
    options = incident.menu or ()
    if given.isdecimal() and 1 <= int(given) <= len(options):
        return options[int(given) - 1].key
    for option in options:
        if given in (option.key, option.hotfix):
            return option.key
    listed = ", ".join(f"{place} {one.label}" for place, one in enumerate(options, 1)) or "nothing yet"
    raise Refused(f"{given!r} is not on the menu of #{incident.number}: {listed}")


def _in_hand(incident: Incident) -> str:
    if incident.hotfix is None:
        raise Refused(f"no hotfix of #{incident.number} was chosen yet")
    return incident.hotfix.option
