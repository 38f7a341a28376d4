"""
Brings the living message of one incident up to date with the log: posts it where it belongs, draws its
current state, and posts each step in its thread.

Repeating it does nothing twice: posts carry a key that is looked for, and what Slack accepted last is kept.
What Slack refuses is sent again without a dispensable part, first the pictures, then the blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from hashlib import sha256
from typing import NamedTuple

import orjson
import structlog

from bot.directory import Directory
from bot.messages import words
from bot.messages.blocks import Block, section
from bot.messages.incident.card import card, fallback, pictures_of, stripped, to_revert
from bot.messages.incident.evidence import NOTABLE, evidence, step
from bot.messages.incident.stage import broken_glass
from bot.messages.link import Link
from bot.messages.route import unreachable
from bot.slack.chat import Chat, ChatError, Later, NoChannel, NoMessage, NoToken, NotTaken
from bot.slack.direct import Direct
from bot.slack.flood import Floods
from bot.slack.pictures import Pictures
from bot.slack.present import Enough, Present
from domain.incident import commands as c
from domain.incident import events as e
from domain.incident.state import Incident
from domain.incident.timeline import timeline
from domain.values import Actor, Severity
from workers.door import Door

ANNOUNCER = Actor(kind="worker", id="worker:announce")
THREAD = "thread"
"""Beside the digests of what Slack accepted: the place of the message whose thread holds the steps."""

_log = structlog.get_logger(__name__)


class Drawn(NamedTuple):
    """What a message says, and which part it should have but lacks."""

    text: str
    blocks: list[Block]
    digest: str
    lacks: str | None = None


class Brought(NamedTuple):
    """How far it came: the thread covers the events before `version`, and `lacks` is not as it should be."""

    version: int
    lacks: tuple[str, ...]


class _Work:
    """
    One incident being processed: what has been done, and what failed.

    Attributes:
        route: the responders' channel, as declared.
        home:  the channel that it has, or stands in for it; None if it can be posted in neither.
        owed:  the first of its events that has not been shown at all.
    """

    def __init__(self, incident: Incident, version: int) -> None:
        self.incident = incident
        self.version = self.owed = version
        self.route = ""
        self.home: str | None = None
        self.places: list[str] = []
        self.declared: set[str] = set()
        self.posted: set[str] = set()
        self.lacks: list[str] = []
        self._later: Later | None = None

    def attempt(self, part: Callable[[], None]) -> None:
        try:
            part()
        except NoToken:
            raise
        except Later as later:
            if self._later is None or later.seconds < self._later.seconds:
                self._later = later
        except ChatError as error:
            self.lacks.append(str(error))

    def brought(self) -> Brought:
        if self._later is not None:
            raise HeldUp(self._later, self.version)
        return Brought(self.version, tuple(dict.fromkeys(self.lacks)))


class HeldUp(Exception):
    """Slack asked us to wait before everything was done; the thread covers the events before `version`."""

    def __init__(self, later: Later, version: int) -> None:
        super().__init__(str(later))
        self.later = later
        self.version = version


class Living:
    """One bot in one workspace. Not thread-safe."""

    def __init__(
        self,
        door: Door,
        chat: Chat,
        link: Link,
        directory: Directory,
        now: Callable[[], datetime] | None = None,
    ) -> None:
        self._door = door
        self._chat = chat
        self._pictures = Pictures(door, chat)
        self._direct = Direct(door, chat)
        self._link = link
        self._directory = directory
        self._now = now or door.now
        self.floods = Floods(door, chat, link, ANNOUNCER)

    def bring_up(self, stream: str, version: int) -> Brought:
        """
        Have Slack show the incident as it is now, and its thread report the events from `version` on.

        If one part fails, the others are still done.

        Raises:
            Later, NoToken: nothing should be tried again before that has passed.
        """
        incident = self._door.incident(stream)
        if incident is None:
            return Brought(version, ())
        work = _Work(incident, version)
        self._post_where_it_belongs(work)
        work.attempt(partial(self._draw, work))
        work.attempt(partial(self._post_steps, work))
        brought = work.brought()
        if work.incident.status == "closed" and not brought.lacks:
            self._door.shown.accept(stream, {})  # it hardly changes any more, and is then drawn anyway
        return brought

    def is_current(self, incident: Incident) -> bool:
        """Whether what Slack accepted last is what the incident says now; makes no request to Slack."""
        accepted = self._accepted(incident)
        whole = next(self._versions(incident, self._files_known(incident), None))
        places = [_place(channel, ts) for channel, ts in self.floods.cards(incident).items()]
        return bool(incident.messages) and all(accepted.get(place) == whole.digest for place in places)

    def out_of_date(self, page: Sequence[Incident]) -> tuple[list[Incident], int]:
        """
        Those of these incidents whose message is gone, or not what it should be; and how many were looked
        at, since Slack is asked only a few times.
        """
        present, found = Present(self._chat), list[Incident]()
        for count, incident in enumerate(page):
            try:
                gone = {_place(*one) for one in self.floods.cards(incident).items() if present.lacks(*one)}
            except Enough:
                return found, count
            if gone:
                accepted = self._accepted(incident)
                left = {place: digest for place, digest in accepted.items() if place not in gone}
                self._door.shown.accept(incident.stream, left)
            if gone or not self.is_current(incident):
                found.append(incident)
        return found, len(page)

    def _post_where_it_belongs(self, work: _Work) -> None:
        incident = work.incident
        cards = self.floods.cards(incident)
        if incident.status == "closed" and incident.messages:
            work.places = list(cards)
            work.home = next(iter(cards), None)
            return
        table = incident.finding.table if incident.finding else ""
        names = self._door.channels(table, incident.severity)
        work.route = names[0]
        for name in names:
            work.attempt(partial(self._post_in, work, name))
        work.places += [one for one in self.floods.cards(work.incident) if one not in work.places]

    def _post_in(self, work: _Work, name: str) -> None:
        try:
            channel = self._chat.channel(name)
            work.declared.add(channel)
            self._post_to(work, name, channel)
        except NoChannel as error:
            work.lacks.append(f"{name}: {error}")
            self._post_by_default(work, name, str(error))
        else:
            self._door.shown.say_route(name, None)
            if name == work.route:
                work.home = channel

    def _post_by_default(self, work: _Work, name: str, why: str) -> None:
        """Post to the default channel if the declared one cannot be written to, and say so there."""
        default = self._door.default_channel()
        known = name in self._door.shown.routes_in_trouble()
        if not known:
            _log.error("route_lost", channel=name, error=why)
        try:
            if default == name:
                raise NoChannel(why)
            channel = self._chat.channel(default)
            self._post_to(work, default, channel)
        except NoChannel as lost:
            self._door.shown.say_route(default, str(lost))
            if name == work.route:
                self._direct.tell(work.incident, default, str(lost))
            return
        self._door.shown.say_route(default, None)
        if name == work.route:
            work.home = channel
        if not known:
            said = unreachable(name, why)
            self._chat.post_once(
                channel, key=f"route-{name}", since=self._now(), text=said, blocks=[section(said)]
            )
        self._door.shown.say_route(name, why)

    def _post_to(self, work: _Work, name: str, channel: str) -> None:
        if channel not in self.floods.cards(work.incident):
            if self.floods.take(name, channel, work.incident):
                work.incident = self._door.incident(work.incident.stream) or work.incident
                return
            self._post_anew(work, channel)
            self.floods.posted(name, work.incident)
        if channel not in work.places:
            work.places.append(channel)

    def _post_anew(self, work: _Work, channel: str) -> None:
        incident = work.incident

        def post(drawn: Drawn) -> str:
            return self._chat.post_once(
                channel,
                key=incident.stream,
                since=incident.opened_at,
                text=drawn.text,
                blocks=drawn.blocks,
                urgent=incident.severity is Severity.SEV1,
            )

        ts, drawn = self._offer(work, post)
        key = f"announce:{incident.stream}:{channel}:{ts}"
        self._door.submit(incident.stream, c.RecordMessage(channel=channel, message=ts), ANNOUNCER, key)
        self._accept(incident, channel, ts, drawn)
        work.posted.add(channel)
        work.incident = self._door.incident(incident.stream) or incident

    def _draw(self, work: _Work) -> None:
        accepted = self._accepted(work.incident)
        for channel, ts in self.floods.cards(work.incident).items():
            if channel not in work.posted:
                at = _place(channel, ts)
                work.attempt(partial(self._draw_at, work, channel, ts, accepted.get(at)))

    def _draw_at(self, work: _Work, channel: str, ts: str, accepted: str | None) -> None:
        def update(drawn: Drawn) -> str:
            if drawn.digest != accepted:
                self._chat.update(channel, ts, text=drawn.text, blocks=drawn.blocks)
            return ts

        try:
            _, drawn = self._offer(work, update)
        except NoMessage as gone:
            _log.info("message_gone", number=work.incident.number, channel=channel, error=str(gone))
            self._post_anew(work, channel)
            return
        except NoChannel:
            if channel in work.declared:
                raise
            # It no longer belongs there; should the channel come back, the next change is drawn there.
            drawn = next(self._versions(work.incident, self._files_known(work.incident), None))
        if drawn.digest != accepted:
            self._accept(work.incident, channel, ts, drawn)

    def _offer(self, work: _Work, send: Callable[[Drawn], str]) -> tuple[str, Drawn]:
        """Send the whole message, and while it is refused, less and less of it."""
        incident = work.incident
        files, lacks = self._files_offered(incident)
        refused: NotTaken | None = None
        for drawn in self._versions(incident, files, lacks):
            try:
                sent = send(drawn)
            except NotTaken as error:
                refused = refused or error
                continue
            if refused is not None and drawn.blocks:
                for digest in files:
                    self._pictures.refused(digest)
            if lacking := drawn.lacks:
                work.lacks.append(f"{lacking}: {refused}" if refused else lacking)
            return sent, drawn
        raise refused or NotTaken("nothing was offered")

    def _files_offered(self, incident: Incident) -> tuple[dict[str, str], str | None]:
        """Digest of each of its pictures → its id in Slack, for those that are there; and why one is not."""
        files, lacks = dict[str, str](), list[str]()
        for digest, alt in pictures_of(incident).items():
            file, lack = self._pictures.offered(digest, alt)
            files |= {digest: file} if file else {}
            lacks += [lack] if lack else []
        return files, "; ".join(lacks) or None

    def _versions(self, incident: Incident, files: Mapping[str, str], lacks: str | None) -> Iterator[Drawn]:
        """The whole message, the message without its pictures, and its text alone."""
        text = fallback(incident)
        names = self._names(incident)
        # The version in the buttons does not count when deciding whether a message has changed.
        plain = incident.model_copy(update={"version": 0})

        def drawn(shown: Mapping[str, str], lacking: str | None) -> Drawn:
            blocks = card(incident, self._link, names, shown)
            return Drawn(text, blocks, _digest(text, card(plain, self._link, names, shown)), lacking)

        yield drawn(files, lacks)
        if files:
            yield drawn({}, "its picture")
        alone = stripped(incident, self._link)
        yield Drawn(alone, [], _digest(alone, []), "its blocks")

    def _files_known(self, incident: Incident) -> dict[str, str]:
        known = {digest: self._door.shown.file(digest) for digest in pictures_of(incident)}
        return {digest: file for digest, file in known.items() if file}

    def _names(self, incident: Incident) -> words.Names:
        # A mention would notify whoever just declared it: so by name, or by id if Slack gives no name.
        who = {incident.opened_by} if incident.finding is None else set()
        found = self._directory.of(who)
        return {one: words.spoken(one, found) for one in who}

    def _accept(self, incident: Incident, channel: str, ts: str, drawn: Drawn) -> None:
        accepted = self._accepted(incident)
        self._door.shown.accept(incident.stream, {**accepted, _place(channel, ts): drawn.digest})

    def _post_steps(self, work: _Work) -> None:
        """Post each step in the responders' thread, and in no other: other channels read the card alone."""
        recorded = self._door.events(work.incident.stream)
        for event in (one for one in recorded if one.version >= work.owed):
            if isinstance(event.event, e.HotfixApproved) and event.event.break_glass is not None:
                self._tell_channel(work, event, event.event.break_glass)
        ts = self.floods.cards(work.incident).get(work.home or "")
        if work.home is None or ts is None:
            return
        moved = self._has_moved(work, _place(work.home, ts))
        if moved:
            work.version = 1
        for event in recorded:
            if event.version >= work.version:
                self._reply(work, event, [one for one in recorded if one.version <= event.version])
                work.version = event.version + 1
        if moved:
            self._take_back(work, _place(work.home, ts))

    def _has_moved(self, work: _Work, home: str) -> bool:
        """Whether the steps are not, or not all, under the message at `home`."""
        return work.incident.status != "closed" and self._accepted(work.incident).get(THREAD) != home

    def _take_back(self, work: _Work, home: str) -> None:
        """Delete what is in the threads of the incident's other messages, and record where its own is."""
        for channel, ts in self.floods.own(work.incident):
            if _place(channel, ts) != home:
                with suppress(NoChannel, NoMessage):
                    self._chat.take_back(channel, ts)
        self._door.shown.accept(work.incident.stream, {**self._accepted(work.incident), THREAD: home})

    def _accepted(self, incident: Incident) -> dict[str, str]:
        return self._door.shown.accepted(incident.stream)

    def _reply(self, work: _Work, event: e.Recorded, so_far: list[e.Recorded]) -> None:
        gathered = isinstance(event.event, e.DiagnosisGathered) and event.event.diagnosis.evidence
        if not gathered and event.event.wire_name not in NOTABLE:
            return
        if self._is_silent(work.incident):
            return
        # A sentence about a hotfix names it by the menu that preceded it.
        entry = next(entry for entry in timeline(so_far) if entry.id == event.id)
        text = step(entry, self._directory.of({entry.who}))
        blocks = [section(text)]
        if isinstance(event.event, e.DiagnosisGathered):
            blocks = evidence(event.event.diagnosis)
        if isinstance(event.event, e.TicketClosed) and event.event.option is not None:
            blocks = [*blocks, *to_revert(work.incident)]
        self._reply_in_thread(work, event.id, text, blocks)

    def _tell_channel(self, work: _Work, event: e.Recorded, reason: str) -> None:
        """Post it in every channel of the incident, not only in its thread, and even while it is silenced."""
        incident, key = work.incident, event.event.option if isinstance(event.event, e.HotfixApproved) else ""
        option = incident.option(key)
        who = words.called(event.actor, self._directory.of({event.actor}))
        text = broken_glass(incident, option.label if option else key, reason, who)
        posted, lost = False, ChatError("its message is not posted yet")
        for channel in work.places:
            try:
                self._chat.post_once(
                    channel, key=f"break-glass-{event.id}", since=event.at, text=text, blocks=[section(text)]
                )
                posted = True
            except NoChannel as error:
                lost = error
        if not posted:
            raise lost

    def _reply_in_thread(self, work: _Work, key: str, text: str, blocks: list[Block]) -> None:
        channel = work.home or ""
        thread = self.floods.cards(work.incident)[channel]
        refused: NotTaken | None = None
        for said in (blocks, []):
            try:
                self._chat.reply_once(channel, thread, key=key, text=text, blocks=said)
            except NotTaken as error:
                refused = error
            else:
                return
        # A reply Slack accepts in no form does not hold up those after it.
        _log.error("cannot_reply", number=work.incident.number, error=str(refused))

    def _is_silent(self, incident: Incident) -> bool:
        return incident.silenced_until is not None and incident.silenced_until > self._now()


def _place(channel: str, ts: str) -> str:
    return f"{channel}/{ts}"


def _digest(text: str, blocks: list[Block]) -> str:
    return sha256(orjson.dumps([text, blocks])).hexdigest()[:32]
