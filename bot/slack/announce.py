"""
Follows the log and keeps one living message per incident, with its thread. `python -m bot.slack.announce`

What has to be shown is written down before the follower's position moves, and is owed until Slack has it
(`workers.log.shown`). So nothing is lost to a kill, a revoked token or an unavailable channel: each incident
is retried on its own, at growing intervals, and none holds up another. What is worst comes first, wherever it
stands in the log; more incidents at once than a channel can carry are one message (`bot.slack.flood`).
"""

from __future__ import annotations

import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Event as Signal

import structlog
from sqlalchemy.exc import SQLAlchemyError

from bot import settings
from bot.directory import Directory
from bot.pages.links import links_of
from bot.slack import witness
from bot.slack.chat import Chat, NoToken
from bot.slack.living import HeldUp, Living
from domain.errors import ConfigurationError, sanitized
from domain.incident import events as e
from domain.incident.state import Incident
from domain.values import Severity
from workers.door import Door, open_door, watch_release

FOLLOWER = "announce"
QUIET_SECONDS = 0.3
LONGEST_QUIET_SECONDS = 1.5
LOOK_AGAIN_SECONDS = 60.0
LOOKED_AT = 200
"""At most how many cards are compared each time with what Slack has; over time, all of them."""

SLICE_SECONDS = 0.5
"""After so much work of one sort it is looked at again whether something worse has happened."""

WORST_SEEN = 20
POLL_SECONDS = 0.5
SOON_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 600.0
NO_TOKEN_SECONDS = 30.0
SILENT: frozenset[str] = frozenset({e.MessagePosted.wire_name})
"""Events that change nothing on the card."""

NO_SEVERITIES: Mapping[str, Severity] = {}
NOTHING_TO_POST = 2**31
"""Stands for the first version to post in the thread when there is none: only the card is checked."""

_log = structlog.get_logger(__name__)


@dataclass
class Waiting:
    """An incident owed to Slack: when it first and last changed, and how its delivery is going."""

    version: int
    first: float
    last: float
    tries: int = 0
    not_before: float = 0.0
    severity: Severity | None = None

    @property
    def rank(self) -> tuple[bool, bool, bool, float]:
        """What comes first: a SEV1, what changed, first posts, how a card looks; among equals the oldest."""
        is_worst, is_first = self.severity is Severity.SEV1, self.version == 1
        return self.version == NOTHING_TO_POST, not is_worst, is_first != is_worst, self.first

    def due(self, now: float) -> bool:
        quiet = now - self.last >= QUIET_SECONDS or now - self.first >= LONGEST_QUIET_SECONDS
        return now >= self.not_before and (quiet or self.version == 1)


class Announcer:
    """Works in rounds; everything it knows can be recovered from the store and from Slack."""

    def __init__(
        self, door: Door, chat: Chat, living: Living, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._door = door
        self._chat = chat
        self._living = living
        self._clock = clock
        self._waiting: dict[str, Waiting] = {}
        self._looked_at: float | None = None
        self._looked_below: int | None = None
        self._closed_until = 0.0
        self._in_trouble = True  # an earlier process may have reported trouble
        self._again: set[str] = set()

    def round(self) -> bool:
        """Do some of what there is to do; True if there is more, and the next round should come soon."""
        if look_around := self._is_time_to_look_around():
            self._recall()
        self._look_for_the_worst()
        seen = self._take_in()
        if self._clock() >= self._closed_until:
            try:
                self._bring_up_all(self._clock())
                self._living.floods.keep_up()
            except NoToken as error:
                self._close(error)
        if look_around:
            self._look_at_cards()
        soon = self._clock() + SOON_SECONDS
        return seen or any(not one.tries and one.not_before <= soon for one in self._waiting.values())

    def _take_in(self) -> bool:
        """Record what happened as owed to Slack; after that the log need not be asked for it again."""
        until, seen = self._clock() + SLICE_SECONDS, False
        while self._clock() < until and (batch := self._door.unseen(FOLLOWER)):
            seen = True
            first, severities = dict[str, int](), dict[str, Severity]()
            for one in batch:
                if one.event.wire_name not in SILENT:
                    first[one.stream] = min(one.version, first.get(one.stream, one.version))
                if isinstance(one.event, e.IncidentOpened | e.SeverityChanged):
                    severities[one.stream] = one.event.severity
            self._owe(first, severities)
            self._door.saw(FOLLOWER, *(one.position for one in batch))
        return seen

    def _owe(self, versions: dict[str, int], severities: Mapping[str, Severity] = NO_SEVERITIES) -> None:
        if not versions:
            return
        self._door.shown.owe(versions)
        now = self._clock()
        for stream, version in versions.items():
            one = self._waiting.setdefault(stream, Waiting(version, now, now))
            one.version, one.last = min(one.version, version), now
            one.severity = severities.get(stream, one.severity)
            one.not_before = 0.0 if one.tries else one.not_before  # another message may be accepted

    def _look_for_the_worst(self) -> None:
        """Find a SEV1 that no message announces, however far behind it the follower is in the log."""
        for one in self._door.page(("open", "acknowledged"), ("SEV1",), None, WORST_SEEN):
            if not one.messages and one.stream not in self._waiting:
                self._owe({one.stream: 1}, {one.stream: one.severity})

    def _is_time_to_look_around(self) -> bool:
        now = self._clock()
        if self._looked_at is not None and now - self._looked_at < LOOK_AGAIN_SECONDS:
            return False
        self._looked_at = now
        return True

    def _recall(self) -> None:
        """Find work that no event points to: what an earlier process owed, and people who were forgotten."""
        now = self._clock()
        for stream, owed in self._door.shown.owed().items():
            known = Waiting(owed.version, now, now, owed.tries, severity=owed.severity)
            self._waiting.setdefault(stream, known)
        self._again = set(self._door.to_draw_again())
        self._owe(dict.fromkeys(self._again, NOTHING_TO_POST))

    def _look_at_cards(self) -> None:
        """
        Find cards that are not what Slack accepted last (drawn by another release, or lost to a restored
        database), or that somebody deleted there. It takes a while, so it comes after what is owed.
        """
        found = self._out_of_date()[::-1]
        versions = {one.stream: NOTHING_TO_POST if one.messages else 1 for one in found}
        self._owe(versions, {one.stream: one.severity for one in found})

    def _out_of_date(self) -> list[Incident]:
        if self._clock() < self._closed_until:
            return []
        page = self._door.page(("open", "acknowledged", "resolved"), (), self._looked_below, LOOKED_AT)
        settled = [one for one in page if one.stream not in self._waiting]
        found, count = self._living.out_of_date(settled)
        whole = count == len(settled)
        reached = page[-1].number if whole and len(page) == LOOKED_AT else None
        self._looked_below = reached if whole else settled[count].number + 1
        return found

    def _bring_up_all(self, now: float) -> None:
        """Bring up the most urgent ones, as many as a slice of time allows."""
        until = now + SLICE_SECONDS
        while (now := self._clock()) < until:
            due = [(stream, one) for stream, one in self._waiting.items() if one.due(now)]
            if not due:
                return
            stream, one = min(due, key=lambda pair: pair[1].rank)
            if one.version == 1:
                self._living.floods.expect(
                    Counter(each.severity for each in self._waiting.values() if each.version == 1)
                )
            self._bring_up(stream, one)

    def _close(self, error: NoToken) -> None:
        self._door.shown.say_trouble(str(error))
        self._in_trouble = True
        self._closed_until = self._clock() + NO_TOKEN_SECONDS
        _log.error("slack_takes_nothing", error=str(error), advice="`recsysops doctor`")

    def _bring_up(self, stream: str, one: Waiting) -> None:
        try:
            brought = self._living.bring_up(stream, one.version)
        except HeldUp as held:
            _log.info("slack_asks_to_wait", seconds=round(held.later.seconds, 1), what=held.later.what)
            one.version, one.not_before = held.version, self._clock() + held.later.seconds
        except (NoToken, SQLAlchemyError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it is this incident's: the others go on
            _log.exception("not_shown", stream=stream)
            self._put_off(stream, one, one.version, sanitized(error))
        else:
            if self._in_trouble:
                self._door.shown.say_trouble(None)
                self._in_trouble = False
            if brought.lacks:
                _log.warning("not_shown_whole", stream=stream, lacks=brought.lacks)
                self._put_off(stream, one, brought.version, "; ".join(brought.lacks))
            else:
                self._settle(stream)

    def _put_off(self, stream: str, one: Waiting, version: int, trouble: str) -> None:
        self._door.shown.put_off(stream, version, trouble)
        pause = min(LONGEST_PAUSE_SECONDS, 2.0 ** min(one.tries, 10))
        one.version, one.not_before, one.tries = version, self._clock() + pause, one.tries + 1

    def _settle(self, stream: str) -> None:
        self._door.shown.settled(stream)
        self._waiting.pop(stream, None)
        if stream in self._again:
            self._door.drawn_again(stream)
            self._again.discard(stream)


def run(announcer: Announcer, door: Door, stop: Signal) -> None:
    """Run rounds until `stop` is set; a failed round is retried at growing intervals."""
    appended = door.listen()
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
        appended.wait(QUIET_SECONDS / 2 if soon else POLL_SECONDS)
    appended.close()


def main() -> int:
    """Run the process."""
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
    directory = Directory(given.bot_token, given.slack_base_url)
    witness.start(given, stop)
    living = Living(door, chat, links.posted(), directory)
    run(Announcer(door, chat, living), door, stop)
    return release.code


if __name__ == "__main__":
    raise SystemExit(main())
