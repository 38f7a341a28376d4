"""
A channel as a witness of the log: the announcer posts each checkpoint that the clock leaves for it once, and
the terminal reads them back.
"""

from __future__ import annotations

import threading
from datetime import timedelta
from threading import Event as Signal
from typing import TYPE_CHECKING

import structlog

from bot import settings
from bot.settings import BotSettings
from domain.errors import ConfigurationError, WitnessError
from domain.recommender.witness import Witness
from workers.door import log_administration

if TYPE_CHECKING:
    from bot.slack.chat import Chat
    from workers.door.log_administration import InTheChat

POLL_SECONDS = 5.0
LOOK_BACK = timedelta(days=1)
"""How long before its own time a checkpoint may have been posted, if a clock was set back meanwhile."""

_log = structlog.get_logger(__name__)


def start(given: BotSettings, stop: Signal) -> None:
    """Post in the background of this process, until `stop` is set."""
    threading.Thread(target=_run, args=(given, stop), name="witness", daemon=True).start()


def _run(given: BotSettings, stop: Signal) -> None:
    from bot.slack.chat import Chat  # noqa: PLC0415

    chat = Chat(given.bot_token, given.slack_base_url)
    while not stop.wait(POLL_SECONDS):
        try:
            post_all(chat)
        except Exception:  # noqa: BLE001 - store or declaration: what waits is still there, and tried again
            _log.exception("checkpoints_not_posted")


def post_all(chat: Chat) -> int:
    """Post what is waiting; returns how many of those checkpoints Slack now has."""
    from bot.slack.chat import ChatError  # noqa: PLC0415

    there = 0
    for post in log_administration.to_post():
        since = post.at - LOOK_BACK
        try:
            channel = chat.channel(post.channel)
            chat.keep_once(channel, key=post.key, since=since, text=post.says, line=post.line)
        except ChatError as error:
            log_administration.not_posted(post, f"{post.channel}: {error}")
            continue
        log_administration.posted(post)
        there += 1
    return there


def reader() -> InTheChat | None:
    """The reader of the checkpoints in a channel; None if no bot token is set."""
    from bot.slack.chat import Chat, ChatError  # noqa: PLC0415

    try:
        given = settings.read()
    except ConfigurationError:
        return None
    chat = Chat(given.bot_token, given.slack_base_url)

    def read(witness: Witness) -> list[str]:
        name = str(getattr(witness, "channel", ""))
        try:
            return chat.kept(chat.channel(name))
        except ChatError as error:
            raise WitnessError(f"{name}: {error}") from error

    return read
