"""
What the chat shows of each incident, and what it still has to be sent.

The log says what should be shown; this records what the chat accepted and what is owed, so that a process
that is killed, or gets no answer from the chat, continues where it was. No waiting time is stored: after a
restart everything owed is tried at once, whatever a clock says.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, Engine

from domain.values import Moment, Severity, Value
from workers.environment import clock
from workers.store import cards
from workers.store.memory import recall, recall_beginning, remember, take

OWED, ACCEPTED, FILE, ROUTE = "slack.owed:", "slack.accepted:", "slack.file:", "slack.route:"
FLOOD, TROUBLE = "slack.flood:", "slack.trouble"


class OwedMessage(Value):
    """
    What is missing in the chat for an incident.

    Attributes:
        version: its events from this one on are not in the thread yet.
        tries:   how often it failed since it last succeeded.
        trouble: what kept it from being shown, or from being shown completely.
        severity: the incident's, as `owed` finds it.
    """

    version: int
    since: Moment
    tries: int = 0
    trouble: str | None = None
    severity: Severity | None = None


class Trouble(Value):
    """Why nothing reaches the chat at all, and since when."""

    says: str
    since: Moment


class LostRoute(Value):
    """Why a channel cannot be posted to, and who was notified: see `Shown.notify`."""

    says: str = ""
    notified: tuple[str, ...] = ()


class Flood(Value):
    """
    Many incidents that one message announces.

    Attributes:
        channel:  where, as it is declared.
        last_at:  when the last one joined.
        numbers:  of its incidents, in the order in which they joined; none once it is over.
        worst:    severity, number and title of the worst, worst first.
        listed:   how many of them its thread lists.
        messages: channel and id of its message; if one was deleted, of all, the newest last.
    """

    channel: str
    began_at: Moment
    last_at: Moment
    numbers: tuple[int, ...] = ()
    tables: tuple[str, ...] = ()
    worst: tuple[tuple[Severity, int, str], ...] = ()
    listed: int = 0
    messages: tuple[tuple[str, str], ...] = ()
    over: bool = False

    @property
    def key(self) -> str:
        """Names it among all floods."""
        return f"flood-{self.channel}-{self.began_at.isoformat()}"


class Shown:
    """Each call is a short transaction of its own; usable from any thread."""

    def __init__(self, log: Engine) -> None:
        self._log = log

    def owe(self, versions: Mapping[str, int]) -> None:
        """Stream → the first of its versions to show; anything owed already stays owed."""
        with self._log.begin() as connection:
            for stream, version in versions.items():
                known = _owed(connection, stream)
                if known is None:
                    _keep_owed(connection, stream, OwedMessage(version=version, since=clock.now()))
                elif version < known.version:
                    _keep_owed(connection, stream, known.model_copy(update={"version": version}))

    def owed(self) -> dict[str, OwedMessage]:
        """Everything owed, by stream."""
        with self._log.connect() as connection:
            found = recall_beginning(connection, OWED)
            severities = cards.severities(connection, [name.removeprefix(OWED) for name in found])
        owed = {name.removeprefix(OWED): OwedMessage.model_validate(one) for name, one in found.items()}
        return {
            stream: one.model_copy(update={"severity": severities.get(stream)})
            for stream, one in owed.items()
        }

    def put_off(self, stream: str, version: int, trouble: str) -> None:
        """Record one more failure; its events from `version` on are not in the thread."""
        with self._log.begin() as connection:
            known = _owed(connection, stream) or OwedMessage(version=version, since=clock.now())
            changed = {"version": version, "tries": known.tries + 1, "trouble": trouble[:500]}
            _keep_owed(connection, stream, known.model_copy(update=changed))

    def settled(self, stream: str) -> None:
        """Record that nothing is owed for it any more."""
        with self._log.begin() as connection:
            take(connection, OWED + stream)

    def accepted(self, stream: str) -> dict[str, str]:
        """Place of a message → digest of what the chat last accepted there."""
        with self._log.connect() as connection:
            return dict(recall(connection, ACCEPTED + stream) or {})

    def accept(self, stream: str, accepted: Mapping[str, str]) -> None:
        """Store that; keeps nothing if it is empty."""
        with self._log.begin() as connection:
            if accepted:
                remember(connection, ACCEPTED + stream, dict(accepted))
            else:
                take(connection, ACCEPTED + stream)

    def file(self, digest: str) -> str | None:
        """The chat's id for a picture."""
        with self._log.connect() as connection:
            found = recall(connection, FILE + digest)
        return None if found is None else str(found)

    def keep_file(self, digest: str, file: str | None) -> None:
        """Record that the chat has a picture under this id, or (None) no longer has it."""
        with self._log.begin() as connection:
            if file is None:
                take(connection, FILE + digest)
            else:
                remember(connection, FILE + digest, file)

    def say_route(self, channel: str, trouble: str | None) -> None:
        """Record why a channel cannot be posted to, once people were told; or (None) that it can again."""
        with self._log.begin() as connection:
            known = LostRoute.model_validate(take(connection, ROUTE + channel) or {})
            if trouble is not None:
                _keep_route(connection, channel, known.model_copy(update={"says": trouble}))

    def notified(self, channel: str) -> tuple[str, ...]:
        """What was said directly since this channel was lost, as `notify` recorded it."""
        with self._log.connect() as connection:
            return LostRoute.model_validate(recall(connection, ROUTE + channel) or {}).notified

    def notify(self, channel: str, *keys: str) -> None:
        """Record that this was said directly, because the channel is lost."""
        with self._log.begin() as connection:
            known = LostRoute.model_validate(recall(connection, ROUTE + channel) or {})
            notified = tuple(dict.fromkeys((*known.notified, *keys)))
            _keep_route(connection, channel, known.model_copy(update={"notified": notified}))

    def routes_in_trouble(self) -> dict[str, str]:
        """Declared channel → why it cannot be posted to."""
        with self._log.connect() as connection:
            found = recall_beginning(connection, ROUTE)
        lost = {
            name.removeprefix(ROUTE): LostRoute.model_validate(one) for name, one in sorted(found.items())
        }
        return {channel: route.says for channel, route in lost.items()}

    def floods(self) -> list[Flood]:
        """The floods so far, with those that are over."""
        with self._log.connect() as connection:
            found = recall_beginning(connection, FLOOD)
        return [Flood.model_validate(one) for one in found.values()]

    def keep_flood(self, flood: Flood) -> None:
        """Store how far a flood has come."""
        with self._log.begin() as connection:
            remember(connection, FLOOD + flood.key, flood.model_dump(mode="json"))

    def say_trouble(self, says: str | None) -> None:
        """Record that the chat accepts nothing at all, or (None) accepts messages again."""
        with self._log.begin() as connection:
            if says is None:
                take(connection, TROUBLE)
                return
            known = recall(connection, TROUBLE)
            since = clock.now() if known is None else Trouble.model_validate(known).since
            remember(connection, TROUBLE, Trouble(says=says[:500], since=since).model_dump(mode="json"))

    def trouble(self) -> Trouble | None:
        """Why nothing reaches the chat at all; None if messages do."""
        with self._log.connect() as connection:
            found = recall(connection, TROUBLE)
        return None if found is None else Trouble.model_validate(found)


def _owed(connection: Connection, stream: str) -> OwedMessage | None:
    found = recall(connection, OWED + stream)
    return None if found is None else OwedMessage.model_validate(found)


def _keep_owed(connection: Connection, stream: str, owed: OwedMessage) -> None:
    remember(connection, OWED + stream, owed.model_dump(mode="json", exclude={"severity"}))


def _keep_route(connection: Connection, channel: str, lost: LostRoute) -> None:
    remember(connection, ROUTE + channel, lost.model_dump(mode="json"))
