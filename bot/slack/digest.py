"""
The digest of the scorecard: each one that the log says is due is posted once, and that is recorded there.

Runs in its own thread beside the announcer: a scorecard takes seconds and a channel may be unavailable, and
incidents wait for neither. If killed, it starts again, and finds by its key what Slack had accepted.
"""

from __future__ import annotations

import threading
from datetime import timedelta
from threading import Event as Signal

import structlog

from bot.messages.link import Link
from bot.messages.practice.scorecard import digest
from bot.slack.chat import Chat, ChatError, NotTaken
from bot.slack.living import ANNOUNCER
from domain.incident.events import DigestDue
from workers.door import Door

REACH = timedelta(days=7)
POLL_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 600.0

_log = structlog.get_logger(__name__)


def start(door: Door, chat: Chat, link: Link, stop: Signal) -> None:
    """Post what is due until `stop` is set; `chat` is for this thread only."""
    asked = (door, chat, link, stop)
    threading.Thread(target=_run, args=asked, name="digest", daemon=True).start()


def _run(door: Door, chat: Chat, link: Link, stop: Signal) -> None:
    failures = 0
    while not stop.is_set():
        try:
            post_owed(door, chat, link)
            failures = 0
        except ChatError as error:
            failures += 1
            _log.warning("digest_not_posted", error=str(error), failures=failures)
        except Exception:  # noqa: BLE001 - store or declaration: it is still owed, and tried again
            failures += 1
            _log.exception("digest_not_posted", failures=failures)
        stop.wait(min(LONGEST_PAUSE_SECONDS, POLL_SECONDS * 2 ** min(failures, 10)))


def post_owed(door: Door, chat: Chat, link: Link) -> bool:
    """
    Post the digest that is owed; False if none is, or if another process is posting it.

    Raises:
        ChatError: Slack does not accept it now; it is still owed.
        ConfigurationError: the declaration is wrong.
    """
    declared = door.digest_channel()
    if declared is None:
        return False
    with door.digests.owed() as due:
        if due is None:
            return False
        channel = door.digests.place(due, chat.channel(declared))
        text, blocks = digest(door.scorecard(REACH), due.recommender, link)
        try:
            message = chat.post_once(channel, key=_key(due), since=due.due_at, text=text, blocks=blocks)
        except NotTaken:  # as text alone
            message = chat.post_once(channel, key=_key(due), since=due.due_at, text=text, blocks=[])
        door.digests.posted(due, channel, message, ANNOUNCER)
    _log.info("digest_posted", due_at=due.due_at.isoformat(), channel=channel)
    return True


def _key(due: DigestDue) -> str:
    return f"digest-{due.recommender}-{due.due_at.isoformat()}"
