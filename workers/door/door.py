"""
The door itself: the store and the jobs, as the bot sees them.

Every method opens its own short transaction and may be called from any thread; from a coroutine, call it
through `asyncio.to_thread`. The log knows people only by pseudonyms, the outside only by their ids: see
`workers.log.people`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING

import psycopg
import structlog
from sqlalchemy import Engine, text
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError

from domain.errors import ConfigurationError, LogError, Refused, Unanswered, sanitized
from domain.incident.commands import ApproveHotfix, BreakGlass, ChooseHotfix, Command
from domain.incident.events import AttestationGiven, HotfixRehearsed, Recorded
from domain.incident.state import Incident
from domain.incident.times import MeanTimes
from domain.recommender.person import Person
from domain.recommender.route import NEEDS, Permissions, Routes
from domain.values import Actor, Severity
from workers.environment import clock
from workers.environment.settings import Settings
from workers.environment.settings import settings as environment
from workers.items import ask
from workers.log import groups, logins, open_obligations, people
from workers.log.attest import attest
from workers.log.follow import AppendListener, say_stuck, stumble
from workers.log.groups import KeptGroups
from workers.log.handle import Answer, handle
from workers.log.open_obligations import OpenObligation
from workers.log.shown import Shown
from workers.respond.resolve import conflicts, rights
from workers.store import attachments, cards, followers, sums
from workers.store.connection import STATEMENT_MILLISECONDS, engine, present
from workers.store.followers import Following
from workers.store.log.events import answer as events_under
from workers.store.log.events import number, read_stream
from workers.store.log.undecided import Lookout, Undecided
from workers.store.release import require_fit
from workers.store.sums import ObligationSum

if TYPE_CHECKING:
    from datetime import datetime, timedelta
    from pathlib import Path

    from domain.answer import Audit, ItemAnswer, Miss
    from domain.incident.times import Definition
    from domain.recommender.recommender import Recommender
    from domain.replayed import ChangeSince, ReplayAnswer
    from domain.scored import Scorecard
    from workers.environment.broker import Broker

LOST = (OperationalError, InterfaceError, psycopg.OperationalError, psycopg.InterfaceError)
"""What is raised when the store's answer did not arrive."""

SETTLED_SECONDS = STATEMENT_MILLISECONDS / 1000 + 5
"""Once a lost answer is this old no statement can still be working on it: the server ends each sooner."""

_log = structlog.get_logger(__name__)


def open_door() -> Door:
    """
    The door to the store that this process's environment names.

    Raises:
        ConfigurationError: no PostgreSQL is named, or it does not fit this release.
    """
    require_fit()
    return Door(environment())


class Door:
    """The store and the jobs, as the bot sees them."""

    def __init__(self, settings: Settings) -> None:
        """
        Raises:
            ConfigurationError: no PostgreSQL is named.
        """
        self._settings = settings
        self._engine = engine(settings.database(), settings.workspace)
        self.shown = Shown(self._engine)
        self._lookout = Lookout(self._engine)
        self._carrier: Broker | None = None
        self._carrier_lock = Lock()

    @property
    def log(self) -> Engine:
        """The store's pool of connections, for health pages and tests."""
        return self._engine

    def submit(
        self, stream: str | int | None, command: Command, actor: Actor, key: str, cause: str | None = None
    ) -> Answer:
        """
        Do what a person asks; `stream` may also be an incident's number. See `workers.log.handle.handle`.

        Raises:
            Refused: a rule says no, in words for the person.
            Unanswered: the store's answer was lost; `look_up` says what became of it.
        """
        found = None if stream is None else self._stream(stream)
        declared = self._declared() if actor.kind == "person" else None
        self._check_press(declared, found, command, actor)
        actor, command = people.hide(self._engine, actor, command, declared.people if declared else {})
        try:
            answer = handle(found, command, actor=actor, key=key, cause=cause, log=self._engine)
        except Refused as refusal:
            raise people.say(self._engine, refusal) from refusal
        except LOST as lost:
            raise Unanswered(key, monotonic()) from lost
        try:
            with self._engine.connect() as connection:
                events = tuple(people.show_events(connection, answer.events))
        except LOST as lost:  # the command was done all the same
            _log.warning("people_not_named", error=type(lost).__name__)
            return answer
        return answer._replace(events=events)

    def look_up(self, unknown: Unanswered) -> Answer | None:
        """
        What became of something whose answer was lost; None if it was not done, and will not be.

        Raises:
            Unanswered: it is not known yet: the store is away, or may still be working on it.
        """
        try:
            with self._engine.connect() as connection:
                events = events_under(connection, unknown.key)
                if not events:
                    if monotonic() - unknown.since < SETTLED_SECONDS:
                        raise unknown
                    return None
                card = cards.find(connection, events[0].stream)
                shown = tuple(people.show_events(connection, events))
        except LOST as lost:
            raise unknown from lost
        return Answer(events[0].stream, card.number if card else 0, shown, repeated=True)

    def _check_press(
        self, declared: Recommender | None, stream: str | None, command: Command, actor: Actor
    ) -> None:
        if actor.kind != "person" or not isinstance(command, ChooseHotfix | ApproveHotfix | BreakGlass):
            return
        with self._engine.connect() as connection:
            incident = cards.find(connection, stream or "")
            if incident is not None:
                rights.check_press(connection, declared, incident, command, actor.id)
                conflicts.check_press(connection, incident, command)

    def incident(self, stream_or_number: str | int, *, whole: bool = False) -> Incident | None:
        """
        The card of an incident, by stream or number (`142`, `"#142"`).

        Args:
            whole: with what of it may be corrected, which a card leaves out; nothing may be if the incident's
                events are in an archive.
        """
        with self._engine.connect() as connection:
            found = cards.find(connection, stream_or_number)
            if found is None:
                return None
            if whole:
                found = cards.folded(connection, found.stream) or found
            return people.show_incidents(connection, [found])[0]

    def incidents(self, status: str | tuple[str, ...] | None = None) -> list[Incident]:
        """The cards with this status, or one of these, or all of them; newest first."""
        with self._engine.connect() as connection:
            return people.show_incidents(connection, cards.every(connection, status))

    def in_force(self, most: int | None = None) -> list[Incident]:
        """The cards of the incidents, or of `most`, whose hotfix is in force; what ends first is first."""
        with self._engine.connect() as connection:
            return people.show_incidents(connection, cards.in_force(connection, most))

    def followed(self, most: int | None = None) -> list[Incident]:
        """The cards of the incidents, or of `most`, whose follow-up is not done; those due are first."""
        with self._engine.connect() as connection:
            return people.show_incidents(connection, cards.followed(connection, most))

    def page(
        self, statuses: Sequence[str], severities: Sequence[str], below: int | None, limit: int
    ) -> list[Incident]:
        """
        One page of the cards, newest first.

        Args:
            statuses, severities: only these; all where empty.
            below: only numbers below this one.
        """
        with self._engine.connect() as connection:
            found = cards.page(connection, statuses=statuses, severities=severities, below=below, limit=limit)
            return people.show_incidents(connection, found)

    def worst(self, statuses: Sequence[str], page: int, limit: int) -> list[Incident]:
        """One page (from 1) of the cards with these statuses: the worst first, among equals the newest."""
        with self._engine.connect() as connection:
            return people.show_incidents(connection, cards.worst(connection, statuses, page, limit))

    def counts(self) -> dict[tuple[str, str], int]:
        """(Status, severity) → how many incidents."""
        with self._engine.connect() as connection:
            return sums.counts(connection)

    def lasting(self) -> sums.Lasting:
        """How many hotfixes are in force, and how many follow-ups are not done."""
        with self._engine.connect() as connection:
            return sums.lasting(connection)

    def mean_times(self, reach: timedelta | None = None) -> MeanTimes:
        """Over the incidents opened within `reach` before now; over all of them if None."""
        with self._engine.connect() as connection:
            return sums.mean_times(connection, None if reach is None else clock.now() - reach)

    def events(self, stream: str | int) -> list[Recorded]:
        """The events of an incident, oldest first; empty if there is no such incident."""
        with self._engine.connect() as connection:
            return people.show_events(connection, read_stream(connection, self._stream(stream)))

    def picture(self, digest: str) -> bytes | None:
        """The bytes of a kept picture (PNG), or None."""
        found = attachments.find(self._engine, digest)
        return found[0] if found else None

    def unseen(self, follower: str, limit: int = 100) -> list[Recorded]:
        """
        The next events for a follower to handle, in log order; none while it is paused.

        Raises:
            LogError: this release cannot read the next one; `recsysops followers` says so too.
        """
        number(self._engine)
        try:
            with self._engine.begin() as connection:
                events = followers.unseen(connection, follower, limit)
                return people.show_events(connection, events)
        except LogError as error:
            say_stuck(self._engine, follower, str(error))
            raise

    def saw(self, follower: str, *positions: int) -> None:
        """The events at these positions, in this order, are done: the follower will not get them again."""
        with self._engine.begin() as connection:
            for position in positions:
                followers.done(connection, follower, position)

    def stumbled(self, follower: str, event: Recorded, reason: Exception) -> bool:
        """The follower failed at an event; True if that was once too often, and it continues without it."""
        # Trouble with the store itself says nothing about the event.
        if isinstance(reason, SQLAlchemyError):
            return False
        return stumble(self._engine, follower, event, sanitized(reason))

    def followers(self) -> list[Following]:
        """How each follower is doing."""
        number(self._engine)
        with self._engine.connect() as connection:
            return followers.every(connection)

    def forget(self, who: str) -> bool:
        """
        Forget who a person is; False if nobody is known by this id. See `workers.log.people.forget`.

        Raises:
            Refused: something that they asked for or approved is still in progress.
        """
        return people.forget(self._engine, who, self._people())

    def to_draw_again(self) -> list[str]:
        """The streams of the incidents whose message still names somebody who was forgotten."""
        return people.to_draw_again(self._engine)

    def drawn_again(self, stream: str) -> None:
        """Record that this incident's message was redrawn."""
        people.drawn_again(self._engine, stream)

    def undecided(self, most: int = 20_000) -> tuple[Undecided, ...]:
        """Events in the log that no rule decided, after checking up to `most` new events."""
        return self._lookout.look(most)

    def owed(self, most: int | None = None) -> list[OpenObligation]:
        """What the log owes now, oldest first; all of it, or the first `most`."""
        with self._engine.connect() as connection:
            return open_obligations.every(connection, clock.now(), most)

    def owed_sums(self) -> list[ObligationSum]:
        """What the log owes now, by kind."""
        with self._engine.connect() as connection:
            return sums.owed_sums(connection, clock.now())

    def listen(self) -> AppendListener:
        """Something to wait on for the next append; each waiting thread needs its own."""
        return AppendListener(self._engine)

    def enqueue(self, job: str, *arguments: object) -> bool:
        """
        Ask the workers for a job, for instance `enqueue("recsysops.settle", kind, stream, event_id)`.

        False if the broker is away: the clock asks again for everything owed, so nothing is lost.
        """
        with self._carrier_lock:
            if self._carrier is None:
                from workers.environment.broker import Broker  # noqa: PLC0415 - Celery takes a third of a second

                self._carrier = Broker(self._settings.broker(), self._settings.broker_queue)
        return self._carrier.send(job, *arguments)

    def ask_item(self, item: str, question: str) -> bool:
        """Have a worker look at an item; False if the broker is away. `question` fetches the answer."""
        return self.enqueue("recsysops.item", item, question)

    def ask_misses(self, question: str) -> bool:
        """The same for the stored low-ranked choices."""
        return self.enqueue("recsysops.misses", question)

    def answer(self, question: str) -> ItemAnswer | tuple[Miss, ...] | str | None:
        """The answer to a question, or why there is none; None while it is not ready. Returned only once."""
        return ask.fetch(self._engine, question)

    def audit(self, path: Path | None = None) -> Audit:
        """The ML Test Score of the declaration at `path`, or of the configured one."""
        from workers.audit.ml_test_score import read_audit  # noqa: PLC0415 - only who asks for it
        from workers.declaration.current import recommender  # noqa: PLC0415

        return read_audit(self._engine, recommender(path or self._settings.config, own=False), clock.now())

    def change_since(self, incident: Incident) -> ChangeSince | None:
        """What is known about the change that its follow-up agreed on; None if it agreed on none."""
        from workers.replay.since import change_since  # noqa: PLC0415 - only who shows a report

        if incident.followed is None:
            return None
        return change_since(self._engine, self._declared(), incident, self.now())

    def scorecard(
        self, reach: timedelta | None, beside: Sequence[Definition] = (), path: Path | None = None
    ) -> Scorecard:
        """
        How well the practice works on the newest incidents: within `reach` before now, beside earlier ones.

        Args:
            beside: further definitions by which times are computed, next to the current ones.
        """
        from workers.audit.scorecard import read_scorecard  # noqa: PLC0415 - only who asks for it
        from workers.declaration.current import recommender  # noqa: PLC0415

        at = clock.now()
        declared = recommender(path or self._settings.config, own=False)
        return read_scorecard(self._engine, declared, at, None if reach is None else at - reach, beside)

    def kept_scorecard(self) -> tuple[Scorecard, str | None] | None:
        """The newest scorecard that the clock made, with its picture's digest; None before the first."""
        from workers.audit.kept_scorecard import read_newest  # noqa: PLC0415 - only who asks for it

        return read_newest(self._engine)

    def replayed(self) -> ReplayAnswer | None:
        """The newest replay of all incidents that the clock made; None before the first."""
        from workers.replay.newest import read_newest  # noqa: PLC0415 - only who asks for it

        return read_newest(self._engine)

    def attest(self, said: AttestationGiven, actor: Actor, key: str) -> None:
        """
        Have somebody vouch for a test.

        Raises:
            Refused: a rule says no, in words for the person.
        """
        hidden = people.hide_actor(self._engine, actor, self._people())
        try:
            attest(self._engine, said, actor=hidden, key=key, at=clock.now())
        except LOST as lost:
            raise Unanswered(key, monotonic()) from lost

    def record_rehearsals(self, said: Sequence[HotfixRehearsed], actor: Actor, key: str) -> int:
        """Record rehearsals; returns how many said something that the log did not say yet that day."""
        from workers.log.rehearsals import record  # noqa: PLC0415 - only who rehearses

        hidden = people.hide_actor(self._engine, actor, self._people())
        try:
            return len(record(self._engine, said, actor=hidden, key=key, at=clock.now()))
        except LOST as lost:
            raise Unanswered(key, monotonic()) from lost

    def end_login(self, login: str) -> None:
        """End a login to the pages (by its id): it is worthless from now on."""
        logins.end(self._engine, login)

    def is_login_ended(self, login: str) -> bool:
        """Whether a login was ended."""
        return logins.is_ended(self._engine, login)

    def key(self, purpose: str) -> bytes:
        """
        A key (32 bytes) of this installation for one purpose. See `workers.store.signature.derived_key`.

        Raises:
            ConfigurationError: RECSYSOPS_SIGNING_KEY names no key.
        """
        from workers.store.signature import derived_key  # noqa: PLC0415 - only who shows pages

        return derived_key(self._settings, purpose)

    def now(self) -> datetime:
        """The present moment, by which everything here is timed."""
        return present(self._engine)

    def time(self) -> float:
        """The same in seconds since 1970, as last known: nothing is queried for it."""
        return clock.now().timestamp()

    def healthy(self) -> bool:
        """True if PostgreSQL answers."""
        with self._engine.connect() as connection:
            return bool(connection.execute(text("SELECT 1")).scalar_one() == 1)

    def permissions(self) -> Permissions:
        """Which groups may press what, as declared now; names nobody if nothing is declared."""
        declared = self._declared()
        if declared is None:
            return Permissions()
        return Permissions(**{need: declared.permitted_in_slack(need) for need in NEEDS})

    def keep_groups(
        self, members: Mapping[str, Collection[str]], handles: Mapping[str, str], age_seconds: float = 0.0
    ) -> None:
        """Store who is in which user group, by handle, as Slack reported. See `workers.log.groups`."""
        with self._engine.begin() as connection:
            groups.keep(connection, members, handles, age_seconds)

    def kept_groups(self) -> KeptGroups | None:
        """Who is in which user group, as Slack last reported to any process; None if it never did."""
        with self._engine.connect() as connection:
            return groups.kept(connection)

    def channels(self, table: str, severity: Severity) -> tuple[str, ...]:
        """Where an incident is announced: its route first, then its table's stakeholders."""
        declared = self._declared()
        return (Routes().default,) if declared is None else declared.channels(table, severity)

    def default_channel(self) -> str:
        """Where an incident is announced if its own channel cannot be posted to."""
        declared = self._declared()
        return declared.routes.default if declared else Routes().default

    def _people(self) -> Mapping[str, Person]:
        declared = self._declared()
        return declared.people if declared else {}

    def _declared(self) -> Recommender | None:
        # A wrong declaration must not hold incidents back; `recsysops doctor` says what is wrong.
        from workers.declaration.current import recommender  # noqa: PLC0415 - only some processes need it

        try:
            return recommender(self._settings.config, own=False)  # a team's own check is science too
        except ConfigurationError as error:
            _log.warning("not_declared", error=str(error).partition("\n")[0])
            return None

    def _stream(self, stream_or_number: str | int) -> str:
        named = str(stream_or_number).removeprefix("#")
        if not named.isdecimal():
            return named
        found = self.incident(named)
        return found.stream if found else named
