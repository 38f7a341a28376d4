"""
Does what the log owes the world: each thing once, however often it is asked for.

A follower hands each new obligation to the workers, the clock (`remind`) hands it over again while it is
owed, and `settle` does it: one worker at a time, after another look into the log, answered under its key.
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import takewhile
from threading import Event as Signal

import structlog
from sqlalchemy import Connection, Engine

from domain.errors import ConfigurationError, MayStillAct, Refused, sanitized
from domain.incident import commands as c
from domain.incident.events import Recorded
from domain.incident.obligations import BOTS_OWN, Obligation, open_obligations
from domain.incident.state import Incident
from domain.values import Actor
from workers.environment import clock, redaction
from workers.environment.broker import Broker
from workers.environment.settings import settings
from workers.log.follow import follow
from workers.log.handle import handle, replayed
from workers.log.open_obligations import due
from workers.store import attempts, cards, reminders
from workers.store.connection import own
from workers.store.lock import REPLAYS, alone
from workers.store.release import watch
from workers.store.reminders import Reminder

FOLLOWER = "obligations"
MOST_TRIES = 5
BEAT_SECONDS, AT_ONCE = 1.0, 100
UNDONE_BY_HANDLER = {"apply"}
"""Kinds where a crash may leave something in force: not given up before the handler has reverted it."""
LOOKS_BACK = {"follow_up"}
"""Kinds that occupy a worker for up to `[follow_ups] replay_time`: only one of them at a time."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Work:
    """
    One obligation to settle.

    `last_try`: the workers give up after this one, so leave the world as it was. `tries`: this try plus
    earlier ones of unknown progress; more than `MOST_TRIES` if none of them came to an end.
    """

    log: Engine
    incident: Incident
    obligation: Obligation
    at: datetime
    last_try: bool = False
    tries: int = 1

    def tell(self, command: c.Command, part: str) -> None:
        """Record intermediate results of the work; once, however often it is tried."""
        _record(self.log, self.incident, self.obligation, command, f"{_key(self.obligation, command)}:{part}")


Handler = Callable[[Work], Iterable[c.Command]]
"""
Does the work and returns what to record; nothing if it is not time yet. May raise anything. Code after
a yielded command runs once that command is recorded.
"""

Send = Callable[..., bool]
"""`send(job, *arguments)`: see `workers.environment.broker.Carrier.send`."""


def hand_over(send: Send) -> Callable[[Connection, Recorded], None]:
    """The follower's effect: passes the obligations that an event creates to the workers."""

    def effect(connection: Connection, recorded: Recorded) -> None:
        incident = cards.find(connection, recorded.stream)
        for obligation in open_obligations(incident) if incident else ():
            if obligation.kind in BOTS_OWN:
                continue
            if attempts.issue_first(connection, recorded.stream, obligation, clock.now()):
                send("recsysops.settle", obligation.kind, recorded.stream, obligation.event_id)

    return effect


def remind(log: Engine, send: Send, at: datetime | None = None) -> int:
    """
    Hand over again what is overdue, and hotfixes that have expired, the longest due first; returns how many.

    Works in batches, for about `BEAT_SECONDS`: the rest is left to the next beat.
    """
    count, until = 0, time.monotonic() + BEAT_SECONDS
    with alone(log, "remind") as mine:
        more = mine
        while more:
            now = at or clock.now()
            with log.connect() as connection:
                looks = reminders.look(connection, now, AT_ONCE)
            # Sent before it is recorded, and outside a transaction: a button press waits for no broker.
            sent = list(takewhile(partial(_sent, send), looks))
            with log.begin() as connection:
                reminders.handed_over(connection, sent, now)
            count += sum(len(one.now) for one in sent)
            more = len(sent) == len(looks) >= AT_ONCE and time.monotonic() < until
    return count


def _sent(send: Send, look: Reminder) -> bool:
    """False if the broker is away: the next beat asks again."""
    return all(
        send("recsysops.settle", one.obligation.kind, one.stream, one.obligation.event_id) for one in look.now
    )


def settle(log: Engine, handlers: Mapping[str, Handler], kind: str, stream: str, event_id: str) -> bool:
    """
    Settle one obligation, if it is still owed and nobody else is on it; True if an answer was recorded.

    Work that looks back over weeks is left to the clock, which hands it over again, while another worker does
    some. After `MOST_TRIES` fruitless attempts the failure itself is recorded, so that people see it.
    """
    with alone(log, f"settle:{kind}:{event_id}") as mine, _looking_back(log, kind) as free:
        if not (mine and free):
            return False
        with log.begin() as connection:
            incident = replayed(connection, stream)
            obligation = _still_owed(incident, kind, event_id)
            if obligation is None:
                return False
            begun, trouble = attempts.begin(connection, stream, obligation, clock.now())
        if _given_up_untried(kind, begun, trouble) and _give_up(log, incident, obligation, trouble):
            return True
        work = Work(log, incident, obligation, clock.now(), last_try=begun >= MOST_TRIES, tries=begun)
        return _try(work, handlers[kind])


def _looking_back(log: Engine, kind: str) -> AbstractContextManager[bool]:
    """False if the kind looks back over weeks, and another worker is doing so now."""
    return alone(log, REPLAYS) if kind in LOOKS_BACK else nullcontext(True)


def _given_up_untried(kind: str, begun: int, trouble: str | None) -> bool:
    """Whether to give up untried; not while something may be in force that its handler could not revert."""
    if kind in UNDONE_BY_HANDLER:
        return begun > 2 * MOST_TRIES and trouble is None
    return begun > MOST_TRIES


def _try(work: Work, handler: Handler) -> bool:
    obligation = work.obligation
    recorded = False
    try:
        for command in handler(work):
            _record(work.log, work.incident, obligation, command, _key(obligation, command))
            recorded = True
    except Exception as error:  # noqa: BLE001 - whatever it was: recorded, retried, given up visibly
        _log.exception("obligation_not_settled", kind=obligation.kind, event_id=obligation.event_id)
        trouble = redaction.prose(sanitized(error))
        with work.log.begin() as connection:
            attempts.end(connection, obligation, trouble=trouble)
        if isinstance(error, MayStillAct):
            if work.last_try:
                _tell_of_more_tries(work.log, work.incident, obligation, trouble)
            return False
        return work.last_try and _give_up(work.log, work.incident, obligation, trouble)
    with work.log.begin() as connection:
        attempts.end(connection, obligation)
    return recorded


def _key(obligation: Obligation, command: c.Command) -> str:
    # Every look at what is in force is an answer of its own; everything else is answered once.
    looked = (
        f":{command.window_end.isoformat()}" if isinstance(command, c.RecordWatch | c.RecordWorth) else ""
    )
    kept = ":bundle" if isinstance(command, c.RecordBundle | c.RecordBundleFailure) else ""
    return f"{obligation.event_id}:{obligation.kind}{looked}{kept}"


def _record(log: Engine, incident: Incident, obligation: Obligation, command: c.Command, key: str) -> None:
    actor = Actor(kind="worker", id=f"worker:{obligation.kind}")
    try:
        handle(incident.stream, command, actor=actor, key=key, cause=obligation.event_id, log=log)
    except Refused as error:
        # The incident moved on during the work; what people decided meanwhile stands.
        _log.info("answer_refused", key=key, reason=str(error))


def _still_owed(incident: Incident, kind: str, event_id: str) -> Obligation | None:
    return next((d for d in due(incident, clock.now()) if (d.kind, d.event_id) == (kind, event_id)), None)


def _give_up(log: Engine, incident: Incident, obligation: Obligation, trouble: str | None) -> bool:
    """Record the failure. False if the obligation stays owed all the same, and is worth continuing."""
    reason = _given_up(trouble)
    option = incident.hotfix.option if incident.hotfix else ""
    check = incident.change.name if incident.change else ""
    failures: dict[str, c.Command] = {
        "diagnose": c.RecordDiagnosisFailure(reason=reason),
        "menu": c.PrepareMenu(options=(), note=f"The hotfixes could not be priced. {reason}"),
        "draw": c.RecordPicture(picture=None, reason=reason),
        "apply": c.RecordHotfixFailed(option=option, reason=reason),
        "widen": c.RecordHotfixFailed(option=option, reason=reason),
        "renew": c.RecordRenewalFailed(option=option, reason=reason),
        "watch": c.RefuteHotfix(option=option, reason=f"Its effect could not be measured. {reason}"),
        "revert": c.RecordRevertFailed(option=option, reason=reason),
        "change": c.RecordChangeHandedOver(check=check, diff="", reason=reason),
        "take_back": c.RecordChangeLeft(check=check, diff="", reason=reason),
    }
    if obligation.kind not in failures:
        _tell_of_more_tries(log, incident, obligation, trouble)
        return False
    _record(
        log,
        incident,
        obligation,
        failures[obligation.kind],
        f"{obligation.event_id}:{obligation.kind}:given-up",
    )
    return True


def _tell_of_more_tries(log: Engine, incident: Incident, obligation: Obligation, trouble: str | None) -> None:
    """Write one note if it keeps being retried."""
    text = f"“{obligation.kind}” is not done yet and goes on being tried. {_given_up(trouble)}"
    _record(
        log, incident, obligation, c.AddNote(text=text), f"{obligation.event_id}:{obligation.kind}:goes-on"
    )


def _given_up(trouble: str | None) -> str:
    if trouble is None:
        return f"Given up after {MOST_TRIES} attempts, none of which came to an end."
    return f"Given up after {MOST_TRIES} attempts; the last one said: {trouble}"


def main() -> int:
    """Run the follower's process: `python -m workers.log.obligations`."""
    stop = Signal()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        log, carrier = own(), Broker(settings().broker(), settings().broker_queue)
        release = watch()
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    follow(log, FOLLOWER, hand_over(carrier.send), stop)
    return release.code


if __name__ == "__main__":
    raise SystemExit(main())
