"""Every hotfix in force, across all incidents."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bot.messages import words
from bot.messages.blocks import Block, context, cut, escape, header, section
from bot.messages.link import Link, linked
from domain.incident.numbers import estimate
from domain.incident.outcome import worth_today
from domain.incident.state import Hotfix, Incident
from domain.incident.state.incident import Worth
from domain.values import Estimate, Moment, Value

MOST_SHOWN = 10
LABEL_MAX = 120
WORTH_MAX = 400
TODAY = "today, against members held out"


class InForce(Value):
    """
    One hotfix that acts on the recommender. `repaired` is what the last look measured, with its interval, at
    `looked_at`; `stage` is how far it has come, `share` the part of the members it serves, except for the
    part `hold_out` of them; `worth` is its effect today, measured on held-out members if there are any;
    `break_glass` is why it was deployed without the second person it needs, if it was.
    """

    number: int
    incident: str
    hotfix: str
    since: Moment
    age_seconds: float
    expires_at: Moment | None
    expires_in_seconds: float | None
    owner: str
    stage: str
    share: float
    hold_out: float
    repaired: Estimate | None
    looked_at: Moment | None
    worth: Worth | None = None
    break_glass: str | None = None


def in_force(incidents: Sequence[Incident], at: datetime) -> tuple[InForce, ...]:
    """The hotfixes in force at `at`, by when they end, earliest first; those that never end come last."""
    found = [_entry(one, one.hotfix, at) for one in incidents if one.hotfix and one.hotfix.applied_at]
    return tuple(sorted(found, key=lambda one: (one.expires_at is None, one.expires_at, one.number)))


def _entry(incident: Incident, hotfix: Hotfix, at: datetime) -> InForce:
    option, since = incident.option(hotfix.option), hotfix.applied_at or hotfix.at
    ends = hotfix.expires_at
    return InForce(
        number=incident.number,
        incident=incident.called,
        hotfix=option.label if option else hotfix.option,
        since=since,
        age_seconds=max(0.0, (at - since).total_seconds()),
        expires_at=ends,
        expires_in_seconds=max(0.0, (ends - at).total_seconds()) if ends else None,
        owner=hotfix.approved_by or hotfix.chosen_by,
        stage=hotfix.stage,
        share=hotfix.share,
        hold_out=hotfix.hold_out,
        repaired=_repaired(hotfix),
        looked_at=hotfix.seen.at if hotfix.seen else None,
        worth=hotfix.worth,
        break_glass=hotfix.break_glass,
    )


def _repaired(hotfix: Hotfix) -> Estimate | None:
    """The repair at the last look, or at the verdict if nobody looked after it."""
    last = hotfix.seen if hotfix.seen and hotfix.seen.at >= hotfix.at else None
    share, low, high = (
        (last.repaired_share, last.low, last.high)
        if last
        else (hotfix.repaired_share, hotfix.low, hotfix.high)
    )
    if share is None:
        return None
    return Estimate(value=share, low=low, high=high, unit="share", basis="the check that raised the alarm")


def repaired(one: InForce) -> str:
    """What it repaired at the last look, in words."""
    return estimate(one.repaired) if one.repaired else "not measured yet"


def worth(one: InForce) -> str:
    """Its effect today, measured on held-out members, in words; empty if none are held out."""
    if one.worth is not None:
        return worth_today(one.worth)
    return "not measured yet" if one.hold_out else ""


def stage(one: InForce) -> str:
    """Its stage in words."""
    share = f", {words.percent(one.share)} of members" if one.share < 1.0 else ""
    share += f", {words.held_out(one.hold_out)}" if one.hold_out and one.share == 1.0 else ""
    alone = ", by break-glass" if one.break_glass is not None else ""
    return one.stage.replace("_", " ") + share + alone


def home_of(found: Sequence[InForce], in_all: int, link: Link) -> list[Block]:
    """The part of the App Home that lists the first of them; empty if none is in force."""
    if not found:
        return []
    left = in_all - MOST_SHOWN
    more = [context(f"and {left:,} more: `recsysops hotfix in-force`")] if left > 0 else []
    return [header("Hotfixes in force"), *(section(_line(one, link)) for one in found[:MOST_SHOWN]), *more]


def _line(one: InForce, link: Link) -> str:
    number = linked(f"#{one.number}", link(f"/reports/{one.number}"))
    ends = f"expires {words.moment(one.expires_at)}" if one.expires_at else "does not expire"
    today = f"\n{TODAY}{_when(one)}: {cut(escape(worth(one)), WORTH_MAX)}" if one.hold_out else ""
    return (
        f"*{number}* {cut(escape(one.hotfix), LABEL_MAX)} · {stage(one)} · by {words.person(one.owner)}\n"
        f"since {words.moment(one.since)} · {ends} · repaired when last measured: {repaired(one)}{today}"
    )


def _when(one: InForce) -> str:
    return f" ({words.moment(one.worth.at)})" if one.worth else ""
