"""
Follows the log and keeps one living message per incident, with its thread. `python -m bot.slack.announce`

What has to be shown is written down before the follower's position moves, and is owed until Slack has it
(`workers.log.shown`). So nothing is lost to a kill, a revoked token or an unavailable channel: each incident
is retried on its own, at growing intervals, and none holds up another.
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import Event as Signal

import structlog
from sqlalchemy.exc import SQLAlchemyError

from bot import settings
from bot.directory import PatientDirectory
from bot.pages.links import links_of
from bot.slack import digest, witness
from bot.slack.chat import Chat, NoToken
from bot.slack.living import HeldUp, Living
from domain.errors import ConfigurationError, told
from domain.incident import events as e
from workers.door import Door, open_door, watch_release

FOLLOWER = "announce"
QUIET_SECONDS = 0.3
LONGEST_QUIET_SECONDS = 1.5
LOOK_AGAIN_SECONDS = 60.0
LOOKED_AT = 200
"""How many cards are compared each time with what Slack accepted last; over time, all of them."""

POLL_SECONDS = 0.5
SOON_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 600.0
NO_TOKEN_SECONDS = 30.0
SILENT: frozenset[str] = frozenset({e.MessagePosted.wire_name})
"""Events that change nothing on the card."""

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
        """Do what there is to do; True if some of it has to wait and the next round should come soon."""
        self._look_around()
        seen = self._take_in()
        now = self._clock()
        if now >= self._closed_until:
            self._bring_up_all(now)
        soon = now + SOON_SECONDS
        return seen or any(not one.tries and one.not_before <= soon for one in self._waiting.values())

    def _take_in(self) -> bool:
        """Record what happened as owed to Slack; after that the log need not be asked for it again."""
        seen = self._door.unseen(FOLLOWER)
        first: dict[str, int] = {}
        for event in seen:
            if event.event.wire_name not in SILENT:
                first[event.stream] = min(event.version, first.get(event.stream, event.version))
        self._owe(first)
        for event in seen:
            self._door.saw(FOLLOWER, event.position)
        return bool(seen)

    def _owe(self, versions: dict[str, int]) -> None:
        if not versions:
            return
        self._door.shown.owe(versions)
        now = self._clock()
        for stream, version in versions.items():
            one = self._waiting.setdefault(stream, Waiting(version, now, now))
            one.version, one.last = min(one.version, version), now
            one.not_before = 0.0 if one.tries else one.not_before  # another message may be accepted

    def _look_around(self) -> None:
        """
        Find work that no event points to: what an earlier process owed, people who were forgotten, and cards
        that are not what Slack accepted last (drawn by another release, or lost to a restored database).
        """
        if self._looked_at is not None and self._clock() - self._looked_at < LOOK_AGAIN_SECONDS:
            return
        now = self._looked_at = self._clock()
        for stream, owed in self._door.shown.owed().items():
            self._waiting.setdefault(stream, Waiting(owed.version, now, now, owed.tries))
        self._again = set(self._door.to_draw_again())
        self._owe(dict.fromkeys(self._again, NOTHING_TO_POST))
        self._owe(dict.fromkeys(self._out_of_date(), NOTHING_TO_POST))

    def _out_of_date(self) -> Iterator[str]:
        page = self._door.page(("open", "acknowledged", "resolved"), (), self._looked_below, LOOKED_AT)
        self._looked_below = page[-1].number if len(page) == LOOKED_AT else None
        for incident in page:
            if incident.stream not in self._waiting and not self._living.is_current(incident):
                yield incident.stream

    def _bring_up_all(self, now: float) -> None:
        due = [(stream, one) for stream, one in self._waiting.items() if one.due(now)]
        # First posts come before all else: an incident nobody sees is worse than a card that is late.
        for stream, one in sorted(due, key=lambda pair: (pair[1].version != 1, pair[1].first)):
            try:
                self._bring_up(stream, one)
            except NoToken as error:
                self._door.shown.say_trouble(str(error))
                self._in_trouble = True
                self._closed_until = self._clock() + NO_TOKEN_SECONDS
                _log.error("slack_takes_nothing", error=str(error), advice="`recsysops doctor`")
                return

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
            self._put_off(stream, one, one.version, told(error))
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
    directory = PatientDirectory(given.bot_token, given.slack_base_url)
    witness.start(given, stop)
    digest.start(door, Chat(given.bot_token, given.slack_base_url), links.posted(), stop)
    living = Living(door, chat, links.posted(), directory)
    run(Announcer(door, chat, living), door, stop)
    return release.code


if __name__ == "__main__":
    raise SystemExit(main())
