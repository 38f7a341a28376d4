"""
The clock's part in synchronising tickets: events are passed on to tickets, and tickets that people closed are
noticed.

A follower of the log requests tickets and updates; the workers carry these out like everything owed.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog
from sqlalchemy import Connection, Engine

from domain.errors import ConfigurationError, Refused, TrackerError
from domain.incident import commands as c
from domain.incident import events as e
from domain.incident.events import Recorded
from domain.recommender.practice.tracker import Tracker as Declared
from domain.recommender.recommender import Recommender
from domain.values import Actor
from workers.environment import redaction
from workers.log.follow import Poisoned, catch_up, stumble
from workers.log.handle import handle
from workers.store import cards
from workers.store.connection import present
from workers.store.lock import alone
from workers.store.memory import recall, recall_beginning, remember, take
from workers.trackers.kind import open_tracker

FOLLOWER = "tickets"
OPEN, LOOKED = "ticket:", "tickets looked at:"
FRESH = timedelta(days=7)
"""Older events get no ticket: whoever declares a first tracker is not flooded with the past."""

BATCH_EVENTS = 500
FOLLOW_SECONDS, LOOK_SECONDS = 10.0, 30.0
"""How long one beat may follow the log, or check one tracker's tickets: the rest is left to the next one."""

WORKER = Actor(kind="worker", id="worker:tickets")
CHANGES = (
    e.FollowUpAnswered,
    e.FollowUpDone,
    e.FollowUpDropped,
    e.ChangeTakenBack,
    e.HotfixVerified,
    e.HotfixRefuted,
    e.HotfixReverted,
    e.HotfixExpired,
    e.HotfixRenewed,
    e.RevertFailed,
    e.IncidentReopened,
    e.TicketClosed,
    e.TicketOpened,
    e.TicketUpdated,
)
"""Events after which the ticket may be outdated about what is left to do."""

_log = structlog.get_logger(__name__)


def keep_in_step(
    log: Engine, recommender: Recommender, environment: Mapping[str, str], at: datetime | None = None
) -> None:
    """
    Do the work of one beat.

    Args:
        environment: the variables that a declaration may use.
        at: now; by the database's clock if not given.
    """
    with alone(log, FOLLOWER) as mine:
        if mine and recommender.trackers:
            now = at or present(log)
            _follow(log, recommender, now)
            for declared in recommender.trackers.values():
                _look(log, declared, environment, now)


def _follow(log: Engine, recommender: Recommender, at: datetime) -> None:
    until, first = time.monotonic() + FOLLOW_SECONDS, next(iter(recommender.trackers))
    effect = partial(_follow_one, log, first, at)
    limit = BATCH_EVENTS
    while time.monotonic() < until:
        try:
            if not catch_up(log, FOLLOWER, effect, limit):
                return
        except Poisoned as error:
            limit = 1  # what precedes the failing event is done and stays done
            if not stumble(log, FOLLOWER, error.recorded, str(error)):
                return


def _follow_one(log: Engine, tracker: str, at: datetime, connection: Connection, recorded: Recorded) -> None:
    event = recorded.event
    if isinstance(event, e.TicketOpened):
        remember(connection, f"{OPEN}{recorded.stream}", event.tracker)
    elif isinstance(event, e.TicketClosed) or (isinstance(event, e.TicketUpdated) and event.closed):
        take(connection, f"{OPEN}{recorded.stream}")
    if not isinstance(event, CHANGES):
        return
    incident = cards.find(connection, recorded.stream)
    ticket = incident.ticket if incident else None
    if ticket is not None and ticket.is_open:
        _say(log, recorded.stream, c.RequestTicketUpdate(), f"{recorded.id}:ticket", recorded.id)
    elif at - recorded.at <= FRESH:
        _say(log, recorded.stream, c.RequestTicket(tracker=tracker), f"{recorded.id}:ticket", recorded.id)


def _look(log: Engine, declared: Declared, environment: Mapping[str, str], at: datetime) -> None:
    """Check the tracker's open tickets, once in `every`; the next beat continues where this one stopped."""
    name = f"{LOOKED}{declared.name}"
    with log.connect() as connection:
        kept: dict[str, Any] = recall(connection, name) or {}
        known = recall_beginning(connection, OPEN)
    past = kept.get("past", "")
    if not past and "at" in kept and at < datetime.fromisoformat(kept["at"]) + declared.every:
        return
    theirs = sorted(name for name, tracker in known.items() if tracker == declared.name and name > past)
    reached = _look_at(log, declared, environment, theirs)
    with log.begin() as connection:
        remember(connection, name, {"at": at.isoformat(), "past": reached})


def _look_at(log: Engine, declared: Declared, environment: Mapping[str, str], names: Sequence[str]) -> str:
    """Where it stopped for lack of time; empty if it reached the end, or the tracker does not answer."""
    until = time.monotonic() + LOOK_SECONDS
    try:
        tracker = open_tracker(declared, environment) if names else None
        for name in names:
            stream = name.removeprefix(OPEN)
            with log.connect() as connection:
                incident = cards.find(connection, stream)
            ticket = incident.ticket if incident else None
            if tracker is None or ticket is None or ticket.id is None or not ticket.is_open:
                continue
            if (state := tracker.state(ticket.id)) != "open":
                closed = c.RecordTicketClosed(dropped=state == "dropped")
                _say(log, stream, closed, f"{ticket.asked_by}:closed")
            if time.monotonic() > until:
                return name
    except (TrackerError, ConfigurationError) as error:
        _log.warning("tickets_not_looked_at", tracker=declared.name, error=redaction.prose(str(error)))
    return ""


def _say(log: Engine, stream: str, command: c.Command, key: str, cause: str | None = None) -> None:
    try:
        handle(stream, command, actor=WORKER, key=key, cause=cause, log=log)
    except Refused as error:
        # Archived, together with its ticket: nothing can be added to it.
        _log.info("ticket_not_followed", stream=stream, reason=str(error))
