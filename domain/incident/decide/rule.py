"""What the rules for all parts of an incident's life share."""

from __future__ import annotations

from datetime import UTC, datetime

from domain.errors import Refused, Stale
from domain.incident import events as e
from domain.incident.state import Hotfix, Incident, Stage
from domain.values import Option

Events = tuple[e.IncidentEvent, ...]

DEPLOYED: frozenset[Stage] = frozenset({"applied", "verified", "refuted", "revert_failed"})
"""Stages in which the hotfix acts on the recommender."""

WATCHED: frozenset[Stage] = frozenset({"applied", "verified", "refuted"})
"""Stages in which the metric and the guards are watched: harm is possible as long as the hotfix acts."""

ACTING: frozenset[Stage] = DEPLOYED | frozenset[Stage]({"widening", "reverting"})
"""… or in which it may still act: a change to it is under way."""

GOING: frozenset[Stage] = ACTING | frozenset[Stage]({"approved"})
"""… or in which it will act, as it was approved."""

BUSY: frozenset[Stage] = DEPLOYED | frozenset[Stage]({"chosen", "approved", "widening", "reverting"})
"""Stages in which no other hotfix may be chosen."""

IN_HAND: dict[Stage, str] = {
    "chosen": "waits to be approved",
    "approved": "is being deployed",
    "applied": "is in force and being watched",
    "widening": "is being deployed to more members",
    "verified": "is in force",
    "refuted": "is in force",
    "reverting": "is being reverted",
    "revert_failed": "is in force: it could not be reverted",
}
"""A hotfix in each stage of `BUSY`, in words."""


def said(text: str, otherwise: str) -> str:
    """The text without surrounding space; `otherwise` is the refusal where it is empty."""
    if not text.strip():
        raise Refused(otherwise)
    return text.strip()


def not_closed(incident: Incident) -> None:
    """Refuse on a closed incident."""
    if incident.status == "closed":
        raise Refused(f"#{incident.number} is closed. Reopen it to go on.")


def option_of(incident: Incident, key: str) -> Option:
    """The option with this key; Stale where it is not on the menu."""
    option = incident.option(key)
    if option is None:
        raise Stale("That hotfix is not on the menu any more. Look at the message again.")
    return option


def label_of(incident: Incident, hotfix: Hotfix) -> str:
    """What the hotfix is called, in quotes."""
    option = incident.option(hotfix.option)
    return f"“{option.label if option else hotfix.option}”"


def in_hand(incident: Incident) -> str | None:
    """Which hotfix is in hand and how far it has come, in words; None where none is."""
    hotfix = incident.hotfix
    if hotfix is None or hotfix.stage not in BUSY:
        return None
    until = hotfix.expires_at if hotfix.stage in DEPLOYED else None
    expires = f", and expires {until.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if until else ""
    return f"{label_of(incident, hotfix)} {IN_HAND[hotfix.stage]}{expires}"


def stage_is(hotfix: Hotfix, stage: Stage) -> None:
    """Raise Stale where the hotfix has moved on from this stage."""
    if hotfix.stage != stage:
        raise Stale(f"Too late: the hotfix is {hotfix.stage.replace('_', ' ')} already.")


def renewal(incident: Incident) -> datetime | str:
    """The expiry that a renewal now would give the hotfix in force; or why it cannot be renewed, in words."""
    hotfix = incident.hotfix
    if hotfix is None or hotfix.stage not in WATCHED:
        return "There is no hotfix in force that could be renewed."
    label = label_of(incident, hotfix)
    if hotfix.expires_at is None:
        return f"{label} never expires."
    if hotfix.share < 1.0:
        return f"{label} is not served to all members yet; renew it once it is."
    lasts = option_of(incident, hotfix.option).expires_after
    assert lasts is not None  # noqa: S101 - the menu does not change under a hotfix, and this one has an end
    return hotfix.expires_at + lasts
