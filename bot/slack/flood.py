"""
More incidents at once than a channel can carry are one message there, with their list in its thread.

An incident joins if nobody has to act on it now. It has a card of its own as soon as somebody takes it, or it
becomes a SEV1. How far a flood has come is kept (`workers.log.shown`), so a killed process goes on with it.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Mapping

import structlog

from bot.messages.flood import Flooded, flooded, listed
from bot.messages.link import Link
from bot.slack.chat import Chat, ChatError, Later, NoMessage, NoToken
from domain.incident import commands as c
from domain.incident.state import Incident
from domain.values import Actor, Severity
from workers.door import Door, Flood

POSTS_A_MINUTE = 10
"""
New cards that a channel carries in a minute: Slack takes about one message a second there, and an incident
needs about six until its menu stands: the card, its evidence, and what is drawn and said after them.
"""

MINUTE_SECONDS = 60.0
REDRAW_SECONDS = 5.0
LISTED = 50
"""Incidents in one reply: as many lines as Slack takes in a message."""

WORST = 5
_log = structlog.get_logger(__name__)


class Floods:
    """Those of all channels. Not thread-safe."""

    def __init__(
        self,
        door: Door,
        chat: Chat,
        link: Link,
        actor: Actor,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._door = door
        self._chat = chat
        self._link = link
        self._actor = actor
        self._clock = clock
        self._kept: dict[str, Flood] | None = None
        self._posted: dict[str, deque[float]] = {}
        self._begun_at: dict[str, float] = {}
        self._drawn: dict[str, str] = {}
        self._not_before = 0.0
        self._waiting: Mapping[str, int] = {}

    def expect(self, waiting: Mapping[Severity | None, int]) -> None:
        """Take note of how many incidents of each severity are waiting for their first message."""
        counts = Counter[str]()
        for severity, count in waiting.items():
            if severity is not None and severity is not Severity.SEV1:
                counts[self._door.channels("", severity)[0]] += count
        self._waiting = counts

    def own(self, incident: Incident) -> list[tuple[str, str]]:
        """Channel and id of each message that was posted for this incident alone, oldest first."""
        shared = {place for flood in self._all().values() for place in flood.messages}
        return [place for place in incident.messages if place not in shared]

    def cards(self, incident: Incident) -> dict[str, str]:
        """Channel → its card there; if an older one was deleted, the newest."""
        return dict(self.own(incident))

    def take(self, name: str, channel: str, incident: Incident) -> bool:
        """
        Whether the incident needs no card in this channel because a flood's message announces it there.

        Raises:
            ChatError: the flood's message could not be posted.
        """
        if stands_alone(incident):
            return False
        if any(place[0] == channel for place in incident.messages):
            return True
        flood = self._current(name)
        if flood is None and self._rate(name) <= POSTS_A_MINUTE:
            return False
        flood = self._posted_in(channel, self._joined(flood or self._begun(name, incident), incident))
        self._record(flood, incident)
        return True

    def posted(self, name: str, incident: Incident) -> None:
        """Count an incident as announced there; those that never join a flood do not begin one either."""
        if not stands_alone(incident):
            self._posted.setdefault(name, deque()).append(self._clock())

    def keep_up(self) -> None:
        """Have the floods' messages and lists say what is so; at most one call to Slack for each."""
        if self._clock() < self._not_before:
            return
        for flood in [one for one in self._all().values() if not one.over]:
            try:
                self._advance(flood)
            except NoToken:
                raise
            except Later as later:
                self._not_before = self._clock() + later.seconds
            except ChatError as error:
                self._not_before = self._clock() + REDRAW_SECONDS
                _log.warning("flood_not_shown", channel=flood.channel, error=str(error))

    def _advance(self, flood: Flood) -> None:
        if not flood.messages:
            return
        normal = self._is_normal(flood.channel)
        left = len(flood.numbers) - flood.listed
        if left >= LISTED or (normal and left):
            self._list(flood)
        elif normal:
            ended = flood.model_copy(update={"over": True})
            self._draw(ended)
            self._keep(ended.model_copy(update={"numbers": (), "worst": ()}))
            _log.info("flood_over", channel=flood.channel, incidents=len(flood.numbers))
        else:
            self._draw(flood)

    def _draw(self, flood: Flood) -> None:
        text, blocks = flooded(_shown(flood), self._link)
        if self._drawn.get(flood.key) == text:
            return
        channel, message = flood.messages[-1]
        try:
            self._chat.update(channel, message, text=text, blocks=blocks)
        except NoMessage:
            self._post(channel, flood)
        self._drawn[flood.key] = text
        self._not_before = self._clock() + REDRAW_SECONDS

    def _list(self, flood: Flood) -> None:
        numbers = flood.numbers[flood.listed : flood.listed + LISTED]
        found = [one for number in numbers if (one := self._door.incident(number))]
        text, blocks = listed(found, self._link)
        channel, message = flood.messages[-1]
        key = f"{flood.key}-{flood.listed}"
        try:
            self._chat.reply_once(channel, message, key=key, text=text, blocks=blocks)
        except NoMessage:
            self._post(channel, flood.model_copy(update={"listed": 0}))
            return
        self._keep(flood.model_copy(update={"listed": flood.listed + len(numbers)}))

    def _begun(self, name: str, first: Incident) -> Flood:
        self._begun_at[name] = self._clock()
        _log.warning("flood", channel=name, waiting=self._waiting.get(name, 0))
        return Flood(channel=name, began_at=first.opened_at, last_at=first.opened_at)

    def _joined(self, flood: Flood, incident: Incident) -> Flood:
        if incident.number in flood.numbers:
            return flood
        self.posted(flood.channel, incident)
        finding = incident.finding
        one = (incident.severity, incident.number, incident.called)
        joined = {
            "numbers": (*flood.numbers, incident.number),
            "last_at": max(flood.last_at, incident.opened_at),
            "tables": tuple(sorted({*flood.tables, *([finding.table] if finding else [])})),
            "worst": tuple(sorted((*flood.worst, one)))[:WORST],
        }
        return self._keep(flood.model_copy(update=joined))

    def _posted_in(self, channel: str, flood: Flood) -> Flood:
        return flood if flood.messages else self._post(channel, flood)

    def _post(self, channel: str, flood: Flood) -> Flood:
        text, blocks = flooded(_shown(flood), self._link)
        message = self._chat.post_once(
            channel, key=flood.key, since=flood.began_at, text=text, blocks=blocks, urgent=True
        )
        return self._keep(flood.model_copy(update={"messages": (*flood.messages, (channel, message))}))

    def _record(self, flood: Flood, incident: Incident) -> None:
        channel, message = flood.messages[-1]
        key = f"announce:{incident.stream}:{channel}:{message}"
        posted = c.RecordMessage(channel=channel, message=message)
        self._door.submit(incident.stream, posted, self._actor, key)

    def _all(self) -> dict[str, Flood]:
        if self._kept is None:
            self._kept = {flood.key: flood for flood in self._door.shown.floods()}
        return self._kept

    def _keep(self, flood: Flood) -> Flood:
        self._door.shown.keep_flood(flood)
        self._all()[flood.key] = flood
        return flood

    def _current(self, name: str) -> Flood | None:
        return next((one for one in self._all().values() if one.channel == name and not one.over), None)

    def _rate(self, name: str) -> int:
        """First messages of the last minute, and those that are waiting."""
        posted, now = self._posted.setdefault(name, deque()), self._clock()
        while posted and now - posted[0] > MINUTE_SECONDS:
            posted.popleft()
        return len(posted) + self._waiting.get(name, 0)

    def _is_normal(self, name: str) -> bool:
        """Whether the channel can carry its incidents again; a process has to see that for a minute."""
        begun = self._begun_at.setdefault(name, self._clock())
        return self._clock() - begun > MINUTE_SECONDS and self._rate(name) <= POSTS_A_MINUTE


def stands_alone(incident: Incident) -> bool:
    """Whether an incident has a card whatever else happens: it is a SEV1, or a person had a hand in it."""
    touched = incident.assignee is not None or incident.hotfix is not None or incident.judged
    return incident.severity is Severity.SEV1 or incident.finding is None or touched


def _shown(flood: Flood) -> Flooded:
    return Flooded(
        len(flood.numbers), flood.tables, flood.began_at, flood.last_at, flood.worst, over=flood.over
    )
