"""Whom the bot tells directly of an incident that it can post in no channel."""

from __future__ import annotations

from collections.abc import Iterator

import structlog

from bot.messages.route import lost
from bot.messages.words import PERSON_PREFIX
from bot.slack.chat import Chat, ChatError, Later, NoToken
from bot.slack.permission import PERSON
from domain.incident.state import Incident
from domain.values import Severity
from workers.door import Door

_log = structlog.get_logger(__name__)


class Direct:
    """Not thread-safe."""

    def __init__(self, door: Door, chat: Chat) -> None:
        self._door = door
        self._chat = chat

    def tell(self, incident: Incident, channel: str, why: str) -> None:
        """
        Tell its assignee, or else who is on call, and whoever declared it.

        They hear once that the channel is lost, and of each incident that is a SEV1 or their own.

        Raises:
            Later: Slack asks to wait.
        """
        known = set(self._door.shown.notified(channel))
        for user in dict.fromkeys((*self._responsible(incident), *_own(incident))):
            concerns = incident.severity is Severity.SEV1 or user in _own(incident)
            of_loss, of_this = user, f"{user} {incident.stream}"
            if (of_this if concerns else of_loss) not in known:
                self._say(user, lost(channel, why, incident))
                self._door.shown.notify(channel, of_loss, of_this)

    def _say(self, user: str, text: str) -> None:
        try:
            self._chat.tell(user, text)
        except (Later, NoToken):
            raise
        except ChatError as error:
            _log.error("cannot_tell", person=user, error=str(error))

    def _responsible(self, incident: Incident) -> tuple[str, ...]:
        if incident.assignee and incident.assignee.startswith(PERSON_PREFIX):
            return (incident.assignee.removeprefix(PERSON_PREFIX),)
        return next((found for found in self._on_call() if found), ())

    def _on_call(self) -> Iterator[tuple[str, ...]]:
        """The members of each group that may respond, in the order in which they are declared."""
        kept = self._door.kept_groups()
        for named in self._door.permissions().respond:
            if PERSON.match(named):
                yield (named,)
            elif kept is not None:
                yield tuple(kept.members.get(named, ()))


def _own(incident: Incident) -> tuple[str, ...]:
    """Its assignee and whoever declared it, as members of Slack."""
    declared = incident.opened_by if incident.finding is None else ""
    people = (incident.assignee or "", declared)
    return tuple(one.removeprefix(PERSON_PREFIX) for one in people if one.startswith(PERSON_PREFIX))
