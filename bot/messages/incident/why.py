"""Why a declared hotfix is not on the menu, as found when the menu was made."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bot.messages.blocks import Block, cut, escape, section
from domain.errors import Refused
from domain.incident.state import Incident
from domain.recommender.keys.nearest import nearest
from domain.values import LeftOut

LINE_MAX = 400


@dataclass(frozen=True)
class Why:
    """What applies to all, and the hotfixes that are not offered, each with the reason."""

    said: str
    left_out: tuple[LeftOut, ...] = ()


def why(incident: Incident, name: str | None = None) -> Why:
    """
    The reasons for the current menu, for every hotfix that is not on it, or only for the one with this name.

    Raises:
        Refused: no hotfix of this name was examined; the message names the nearest.
    """
    if incident.menu is None:
        return Why(f"The hotfixes of #{incident.number} are not priced yet.")
    if incident.left_out is None:
        note = f" {incident.menu_note}" if incident.menu_note else ""
        return Why(f"Which hotfixes were left off was not recorded for the menu of #{incident.number}.{note}")
    left_out = (*_spent(incident), *incident.left_out)
    offered = {o.hotfix: o.label for o in incident.menu if o.deployable and not incident.spent_on(o)}
    if name in offered:
        return Why(f"“{offered[str(name)]}” is on the menu of #{incident.number}.")
    asked = tuple(one for one in left_out if name in (None, one.hotfix))
    if name is not None and not asked:
        right = nearest(name, (*offered, *(one.hotfix for one in left_out)))
        raise Refused(f"No hotfix {name} was declared when the menu of #{incident.number} was made; {right}")
    if not asked:
        return Why(f"Every hotfix that is declared is on the menu of #{incident.number}.")
    return Why(f"Not on the menu of #{incident.number}:", asked)


def _spent(incident: Incident) -> Iterator[LeftOut]:
    """Hotfixes on the menu that have since been found not to work."""
    for option in incident.menu or ():
        if spent := incident.spent_on(option):
            yield LeftOut(hotfix=option.hotfix, label=option.label, why=f"it was {spent.words}")


def why_blocks(answer: Why) -> list[Block]:
    """The same for Slack."""
    lines = [f"• *{escape(one.label)}* ({escape(one.hotfix)})  {escape(one.why)}" for one in answer.left_out]
    return [section("\n".join((escape(answer.said), *(cut(line, LINE_MAX) for line in lines))))]
