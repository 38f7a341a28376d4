"""What the log owes the outside world: events that require an answer and have none yet."""

from __future__ import annotations

from datetime import datetime, timedelta

from domain.incident.decide import DEPLOYED, WATCHED
from domain.incident.followed import is_open
from domain.incident.state import Hotfix, Incident
from domain.values import Moment, Value

DUE_AFTER: dict[str, timedelta] = {
    "announce": timedelta(seconds=5),
    "diagnose": timedelta(seconds=60),
    "menu": timedelta(seconds=60),
    "draw": timedelta(seconds=60),
    "apply": timedelta(seconds=15),
    "watch": timedelta(seconds=5),
    "widen": timedelta(seconds=15),
    "revert": timedelta(seconds=15),
    "follow_up": timedelta(seconds=60),
    "change": timedelta(seconds=60),
    "assign": timedelta(seconds=60),
    "take_back": timedelta(seconds=60),
    "remind_of_follow_up": timedelta(seconds=60),
    "guard": timedelta(seconds=30),
    "renew": timedelta(seconds=15),
    "cost": timedelta(seconds=60),
    "worth": timedelta(seconds=60),
    "remind_of_expiry": timedelta(seconds=60),
    "ticket": timedelta(seconds=60),
    "ticket_update": timedelta(seconds=60),
}
"""How long an answer may take before the clock asks again."""

BOTS_OWN = frozenset({"announce"})
"""Settled by the bot's own follower, not handed to the workers."""

EXPIRE = "expire"
GUARD = "guard"
REMIND = "remind_of_expiry"
WORTH = "worth"
REMIND_OF_FOLLOW_UP = "remind_of_follow_up"
GUARD_EVERY = timedelta(minutes=1), timedelta(minutes=10)
"""Shortest and longest time until a hotfix that stays in force is looked at again: often soon after its
verdict, later more rarely, and never before the metric has another window."""

LOOK_AGAIN_WITHIN = 0.1
"""… of the time since the verdict."""


WORTH_FIRST, WORTH_EVERY = timedelta(hours=6), timedelta(days=1)
"""How long a hotfix serves all but those held out before the two are compared, and how often after that."""


class Obligation(Value):
    """An event that still lacks its answer. `event_id` is the idempotency key of whatever settles it."""

    kind: str
    event_id: str
    since: Moment


SCHEDULED = (EXPIRE, GUARD, REMIND, WORTH, REMIND_OF_FOLLOW_UP)
"""Kinds of obligation that become due at a set time."""


def open_obligations(incident: Incident) -> tuple[Obligation, ...]:
    """Everything owed for this incident, oldest first."""
    found = (
        Obligation(kind=kind, event_id=event_id, since=since)
        for kind, (event_id, since) in incident.awaits.items()
    )
    return tuple(sorted(found, key=lambda obligation: (obligation.since, obligation.kind)))


def scheduled(incident: Incident) -> tuple[Obligation, ...]:
    """What becomes due at a set time (`since`), without an event that asks for it."""
    found = (
        expiry_of(incident),
        guard_of(incident),
        reminder_of(incident),
        worth_of(incident),
        follow_up_due(incident),
    )
    return tuple(obligation for obligation in found if obligation)


def follow_up_due(incident: Incident) -> Obligation | None:
    """The reminder that a follow-up is due and not done; None where it is done or was already reminded of."""
    followed = incident.followed
    if followed is None or followed.due_at is None or followed.assigned_by is None:
        return None
    if followed.reminded_at is not None or not is_open(incident):
        return None
    return Obligation(kind=REMIND_OF_FOLLOW_UP, event_id=followed.assigned_by, since=followed.due_at)


def reminder_of(incident: Incident) -> Obligation | None:
    """The reminder that a hotfix expires soon; None where none does or people were already reminded."""
    if (ending := _ending(incident)) is None:
        return None
    hotfix, until = ending
    option = incident.option(hotfix.option)
    if option is None or hotfix.reminded_of == until:
        return None
    asked_by = hotfix.expiry_set_by or hotfix.event_id
    return Obligation(kind=REMIND, event_id=asked_by, since=until - option.reminds)


def guard_of(incident: Incident) -> Obligation | None:
    """The next look at a hotfix that stays in force after its watch; None where there is none."""
    hotfix = incident.hotfix
    if hotfix is None or hotfix.stage not in ("verified", "refuted"):
        return None
    finding, option = incident.finding, incident.option(hotfix.option)
    if finding is None and not (option and option.guards):
        return None  # there is no way to measure whether it does harm
    window = finding.window_end - finding.window_start if finding else timedelta(0)
    last = max(hotfix.seen.at, hotfix.at) if hotfix.seen else hotfix.at
    least, most = GUARD_EVERY
    pause = min(most, max(least, LOOK_AGAIN_WITHIN * (last - hotfix.at)))
    if hotfix.seen is not None and hotfix.seen.high is not None and hotfix.seen.high < 0:
        pause = least  # it looked worse than before the deployment: the next look decides
    return Obligation(kind=GUARD, event_id=hotfix.event_id, since=last + max(pause, window))


def worth_of(incident: Incident) -> Obligation | None:
    """The comparison of members served with those held out; None where there are none, or not yet."""
    hotfix = incident.hotfix
    if hotfix is None or hotfix.stage not in WATCHED or not hotfix.hold_out:
        return None
    served_all_at = hotfix.stage_at if hotfix.share >= 1.0 else None
    if served_all_at is None:
        return None
    finding = incident.finding
    window = finding.window_end - finding.window_start if finding else timedelta(0)
    last = hotfix.worth
    due = last.at + WORTH_EVERY if last is not None else served_all_at + max(WORTH_FIRST, window)
    return Obligation(kind=WORTH, event_id=hotfix.event_id, since=due)


def expiry_of(incident: Incident) -> Obligation | None:
    """The revert of a hotfix when its time is up; None where nothing acts or nothing expires."""
    if (ending := _ending(incident)) is None:
        return None
    hotfix, until = ending
    return Obligation(kind=EXPIRE, event_id=hotfix.event_id, since=until)


def _ending(incident: Incident) -> tuple[Hotfix, datetime] | None:
    """The hotfix in force that expires, and when."""
    hotfix = incident.hotfix
    if hotfix is None or hotfix.stage not in DEPLOYED or hotfix.expires_at is None:
        return None
    return hotfix, hotfix.expires_at
