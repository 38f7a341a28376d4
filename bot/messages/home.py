"""The App Home: what is open, and how fast the practice has become."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from bot.messages import words
from bot.messages.blocks import Block, context, divider, header, section
from bot.messages.follow_up import home_of as follow_ups_of
from bot.messages.in_force import InForce, home_of
from bot.messages.link import Link
from bot.messages.status import status
from domain.incident.followed import FollowUpStanding
from domain.incident.state import Incident
from domain.incident.times import MeanTimes

UNRESOLVED = ("open", "acknowledged")
TO_CLOSE = ("resolved",)


class Shown(NamedTuple):
    """
    The first page of unresolved incidents and of those to be closed; how many there are; mean times; the
    first hotfixes in force and open follow-ups; and how many there are of these (`lasting`).
    """

    unresolved: Sequence[Incident]
    to_close: Sequence[Incident]
    counts: Mapping[tuple[str, str], int]
    means: MeanTimes
    in_force: Sequence[InForce] = ()
    follow_ups: Sequence[FollowUpStanding] = ()
    lasting: tuple[int, int] = (0, 0)


def home(shown: Shown, link: Link) -> dict[str, object]:
    """The view of the Home tab."""
    to_close = status(shown.to_close, link, in_all(shown.counts, TO_CLOSE))
    waiting = [divider(), header("Resolved, follow-up open"), *to_close] if shown.to_close else []
    blocks = [
        header("Open incidents"),
        *status(shown.unresolved, link, in_all(shown.counts, UNRESOLVED)),
        *waiting,
        *home_of(shown.in_force, shown.lasting[0], link),
        *follow_ups_of(shown.follow_ups, shown.lasting[1], link),
        divider(),
        *_times(shown.means),
    ]
    return {"type": "home", "blocks": blocks}


def closed_home(why: str) -> dict[str, object]:
    """The same for somebody who may not see incidents; `why` is in Slack's markup."""
    return {"type": "home", "blocks": [header("Incidents"), section(why)]}


def in_all(counts: Mapping[tuple[str, str], int], statuses: Sequence[str]) -> int:
    """How many incidents have one of these statuses."""
    return sum(count for (status, _), count in counts.items() if status in statuses)


def _times(means: MeanTimes) -> list[Block]:
    if not means:
        return [context("Mean times appear once an incident is resolved.")]
    lines = [f"to {step}: *{words.lasting(mean)}* ({count})" for step, (mean, count) in means.items()]
    return [header("Mean times"), section("\n".join(lines)), context("In brackets: number of incidents.")]
