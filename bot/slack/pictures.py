"""
Pictures in Slack: each uploaded once with the bot's token, and shown by the id that Slack gives it.

Slack fetches nothing from us, so a picture is seen wherever the bot runs, and only by those who may read the
message. Slack cannot be searched for a file by its content, so its id is kept under the picture's digest.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import structlog

from bot.slack.chat import Chat, ChatError, NoToken
from workers.door import Door

READY_SECONDS = 60.0
"""A file that is still refused this long after its upload no longer exists, or never will."""

_log = structlog.get_logger(__name__)


class Pictures:
    """Not thread-safe."""

    def __init__(self, door: Door, chat: Chat, clock: Callable[[], float] = time.monotonic) -> None:
        self._door = door
        self._chat = chat
        self._clock = clock
        self._uploaded: dict[str, float] = {}

    def file(self, digest: str, alt: str) -> str | None:
        """
        The id of a kept picture in Slack, uploaded now if it is not there yet; None if nothing is kept.

        Raises:
            ChatError: Slack does not accept it now.
        """
        if known := self._door.shown.file(digest):
            return known
        content = self._door.picture(digest)
        if content is None:
            return None
        file = self._chat.upload(content, f"{digest[:16]}.png", alt[:1000])
        self._door.shown.keep_file(digest, file)
        self._uploaded[digest] = self._clock()
        return file

    def offered(self, digest: str, alt: str) -> tuple[str | None, str | None]:
        """The same, or the reason why there is none."""
        try:
            return self.file(digest, alt), None
        except NoToken:
            raise
        except ChatError as error:
            _log.warning("picture_not_uploaded", error=str(error))
            return None, f"its picture: {error}"

    def refused(self, digest: str) -> None:
        """A message with this picture was refused: a picture that should long be ready is uploaded again."""
        if self._clock() - self._uploaded.get(digest, float("-inf")) > READY_SECONDS:
            self._door.shown.keep_file(digest, None)
