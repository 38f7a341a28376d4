"""What the log owes the outside world: events that demand an answer and have none yet."""

from __future__ import annotations

from datetime import timedelta

from domain.incident.decide import DEPLOYED
from domain.incident.state import Incident
from domain.values import Moment, Value

DUE_AFTER: dict[str, timedelta] = {
    "announce": timedelta(seconds=5),
    "diagnose": timedelta(seconds=60),
    "menu": timedelta(seconds=60),
    "apply": timedelta(seconds=15),
    "watch": timedelta(seconds=5),
    "revert": timedelta(seconds=15),
    "follow_up": timedelta(seconds=60),
}
"""How long an answer may take before the clock asks again."""

BOTS_OWN = frozenset({"announce"})
"""Settled by the bot's own follower; not handed to the workers."""

EXPIRE = "expire"


class Debt(Value):
    """An event without its answer. `event_id` is the idempotency key of whatever settles it."""

    kind: str
    event_id: str
    since: Moment


def owed(incident: Incident) -> tuple[Debt, ...]:
    """All that is owed for this incident, oldest first."""
    debts = (
        Debt(kind=kind, event_id=event_id, since=since) for kind, (event_id, since) in incident.awaits.items()
    )
    return tuple(sorted(debts, key=lambda debt: (debt.since, debt.kind)))


def expiry_of(incident: Incident) -> Debt | None:
    """The debt of taking a hotfix back when its time is over; None where nothing acts or nothing expires."""
    hotfix = incident.hotfix
    if hotfix is None or hotfix.stage not in DEPLOYED or hotfix.expires_at is None:
        return None
    return Debt(kind=EXPIRE, event_id=hotfix.event_id, since=hotfix.expires_at)
