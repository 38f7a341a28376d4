"""Everything known about one option of the menu, including what does not fit on its line."""

from __future__ import annotations

from datetime import timedelta

from bot.messages import words
from domain.incident.menu import second_person, touches
from domain.values import Estimate, Option


def explained(option: Option) -> tuple[tuple[str, str], ...]:
    """(What, how much, how that is known) for each number that exists."""
    rows = (
        ("Does", option.does),
        ("Repairs", _known(option.repairs)),
        ("Everyone else", f"{words.effect(option.costs)} ({option.costs.basis})"),
        ("In all", _effect(option.whole)),
        ("Hit hardest", option.worst),
        ("Touches", touches(option)),
        ("Diversity", _known(option.variety)),
        ("Other items", _known(option.others)),
        ("In force", _in_force(option)),
        ("Stages", words.stages(option)),
        ("Hold-out", words.held_out(option.hold_out)),
        ("Guards", ", ".join(option.guards)),
        ("Approval", second_person(option)),
    )
    return tuple((name, said) for name, said in rows if said)


def _known(found: Estimate | None) -> str:
    if found is None or (found.value is None and not found.basis):
        return ""
    return f"{words.estimate(found)} ({found.basis})"


def _effect(found: Estimate | None) -> str:
    return "" if found is None else f"{words.effect(found, where='')} ({found.basis})"


def _in_force(option: Option) -> str:
    expires = f", expires after {words.lasting(option.expires_after)}" if option.expires_after else ""
    after = words.lasting(timedelta(seconds=option.deploy_seconds))
    return f"after {after}, watched for {words.lasting(option.watch)}, undone by {option.undo}{expires}"
