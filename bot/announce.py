"""
Follows the log and keeps one living message an incident, with its thread. `python -m bot.announce`

Killed at any moment it neither loses nor doubles a post: a position is saved when its effect is done, and
every post carries metadata that is looked for before the same thing is posted again.
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from threading import Event as Signal

import structlog

from bot import settings, witness
from bot.chat import Chat, Later, Lost
from bot.directory import PatientDirectory
from bot.messages import words
from bot.messages.blocks import Block, section
from bot.messages.card import card, headline
from bot.messages.evidence import NOTABLE, evidence, step
from bot.pages.links import Links, links_of
from domain.errors import ConfigurationError
from domain.incident import commands as c
from domain.incident import events as e
from domain.incident.state import Incident
from domain.incident.timeline import timeline
from domain.values import Actor
from workers.door import Door, open_door, watch_release

FOLLOWER = "announce"
QUIET_SECONDS = 0.3
LONGEST_QUIET_SECONDS = 1.5
LOOK_AGAIN_SECONDS = 60.0
POLL_SECONDS = 0.5
SILENT: frozenset[str] = frozenset({e.MessagePosted.wire_name})
"""Events that change nothing on the card."""

ANNOUNCER = Actor(kind="worker", id="worker:announce")
_log = structlog.get_logger(__name__)


class Announcer:
    """One round at a time; all that it knows can be found again in the log and in Slack."""

    def __init__(
        self,
        door: Door,
        chat: Chat,
        links: Links,
        directory: PatientDirectory,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._door = door
        self._chat = chat
        self._link = links.posted()
        self._directory = directory
        self._now = now
        self._clock = clock
        self._changed: dict[str, tuple[float, float]] = {}
        self._again: set[str] = set()
        self._looked_at: float | None = None

    def round(self) -> bool:
        """Do what is there to do; True where some of it has to wait and the next round should come soon."""
        self._look_around()
        seen = self._door.unseen(FOLLOWER)
        try:
            for event in {event.stream: event for event in reversed(seen)}.values():
                self._try(event, lambda event: self._post(event.stream))  # first posts before all else
            last = {event.stream: event.position for event in seen}
            for event in seen:
                self._try(event, lambda event: self._tell(event, last[event.stream]))
                self._door.saw(FOLLOWER, event.position)
        except Later as later:
            _log.info("slack_asks_to_wait", seconds=round(later.seconds, 1), what=later.what)
        self._update_due()
        return bool(self._changed) or bool(seen)

    def _try(self, event: e.Recorded, work: Callable[[e.Recorded], None]) -> None:
        try:
            work(event)
        except Later:
            raise
        except Exception as error:
            if not self._door.stumbled(FOLLOWER, event, error):
                raise
            _log.exception("event_set_aside", position=event.position)

    def _tell(self, event: e.Recorded, last: int) -> None:
        self._reply(event)
        self._mark(event)
        if event.position == last:
            self._draw_closed(event.stream)

    def _look_around(self) -> None:
        # What a killed process left undone: an update not sent, a first post that Slack refused.
        if self._looked_at is not None and self._clock() - self._looked_at < LOOK_AGAIN_SECONDS:
            return
        first = self._looked_at is None
        self._looked_at = self._clock()
        self._again = set(self._door.to_draw_again())
        for stream in self._again:
            self._changed.setdefault(stream, (self._clock(), self._clock()))
        for incident in self._door.incidents(("open", "acknowledged", "resolved")):
            if incident.messages and first:
                self._changed.setdefault(incident.stream, (self._clock(), self._clock()))
            elif not incident.messages:
                try:
                    self._post(incident.stream)
                except Later:
                    return

    def _mark(self, event: e.Recorded) -> None:
        if event.event.wire_name not in SILENT:
            first, _ = self._changed.get(event.stream, (self._clock(), 0.0))
            self._changed[event.stream] = (first, self._clock())

    def _post(self, stream: str) -> None:
        incident = self._door.incident(stream)
        if incident is None:
            return
        posted = {channel for channel, _ in incident.messages}
        for name in self._door.channels(incident):
            try:
                channel = self._chat.channel(name)
                if channel not in posted:
                    self._post_to(incident, channel)
            except Lost as lost:
                _log.error("cannot_announce", channel=name, number=incident.number, error=str(lost))

    def _post_to(self, incident: Incident, channel: str) -> None:
        message = self._chat.post_once(
            channel,
            key=incident.stream,
            since=incident.opened_at,
            text=headline(incident),
            blocks=self._card(incident),
        )
        record = c.RecordMessage(channel=channel, message=message)
        key = f"announce:{incident.stream}:{channel}"
        self._door.submit(incident.stream, record, ANNOUNCER, key)

    def _card(self, incident: Incident) -> list[Block]:
        # A mention would page whoever has just declared it: by name, and by id where Slack does not say it.
        who = {incident.opened_by} if incident.finding is None else set()
        found = self._directory.of(who)
        return card(incident, self._link, {one: words.spoken(one, found) for one in who})

    def _reply(self, event: e.Recorded) -> None:
        gathered = isinstance(event.event, e.DiagnosisGathered) and event.event.diagnosis.evidence
        if not gathered and event.event.wire_name not in NOTABLE:
            return
        incident = self._door.incident(event.stream)
        if incident is None or not incident.messages or self._is_silent(incident):
            return
        entry = next(entry for entry in timeline(self._named(event)) if entry.id == event.id)
        text = step(entry, self._directory.of({entry.who}))
        blocks = [section(text)]
        if isinstance(event.event, e.DiagnosisGathered):
            blocks = evidence(event.event.diagnosis)
        channel, message = incident.messages[0]
        try:
            self._chat.reply_once(channel, message, key=event.id, text=text, blocks=blocks)
        except Lost as lost:
            _log.error("cannot_reply", number=incident.number, error=str(lost))

    def _named(self, event: e.Recorded) -> list[e.Recorded]:
        """The stream up to this event: a sentence about a hotfix names it by the menu that came before."""
        return [one for one in self._door.events(event.stream) if one.version <= event.version]

    def _draw_closed(self, stream: str) -> None:
        # Not later as the others: whoever starts after a kill looks only at incidents that are not closed.
        incident = self._door.incident(stream)
        if incident is not None and incident.status == "closed" and stream in self._changed:
            self._draw(incident)
            self._changed.pop(stream)

    def _is_silent(self, incident: Incident) -> bool:
        return incident.silenced_until is not None and incident.silenced_until > self._now()

    def _update_due(self) -> None:
        now = self._clock()
        for stream, (first, last) in list(self._changed.items()):
            if now - last < QUIET_SECONDS and now - first < LONGEST_QUIET_SECONDS:
                continue
            incident = self._door.incident(stream)
            try:
                if incident is not None:
                    self._draw(incident)
            except Later:
                continue
            self._changed.pop(stream, None)
            if stream in self._again:
                self._door.drawn_again(stream)
                self._again.discard(stream)

    def _draw(self, incident: Incident) -> None:
        blocks = self._card(incident)
        for channel, message in incident.messages:
            try:
                self._chat.update(channel, message, text=headline(incident), blocks=blocks)
            except Lost as lost:
                _log.error("cannot_update", number=incident.number, error=str(lost))


def run(announcer: Announcer, door: Door, stop: Signal) -> None:
    """Rounds until `stop` is set; one that fails is tried again, ever more slowly."""
    news = door.news()
    failures = 0
    while not stop.is_set():
        try:
            soon = announcer.round()
            failures = 0
        except Exception:  # noqa: BLE001 - store or Slack is away: all is still owed and tried again
            failures += 1
            _log.exception("announcing_failed", failures=failures)
            stop.wait(min(30.0, 0.5 * 2**failures))
            continue
        news.wait(QUIET_SECONDS / 2 if soon else POLL_SECONDS)
    news.close()


def main() -> int:
    """The process."""
    stop = Signal()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        given = settings.read()
        door = open_door()
        links = links_of(door, given.public_url, given.login)
        release = watch_release()
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    chat = Chat(given.bot_token, given.slack_base_url)
    directory = PatientDirectory(given.bot_token, given.slack_base_url)
    witness.start(given, stop)
    run(Announcer(door, chat, links, directory), door, stop)
    return release.code


if __name__ == "__main__":
    raise SystemExit(main())
