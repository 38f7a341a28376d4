"""
Pictures in Slack: each uploaded once with the bot's token, and shown by the id that Slack gives it.

Slack fetches nothing from us, so a picture is seen wherever the bot runs, and only by those who may read the
message. Slack cannot be searched for a file by its content, so its id is kept under the picture's digest.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import structlog
from slack_bolt.async_app import AsyncRespond
from slack_sdk.web.async_client import AsyncWebClient

from bot.messages.blocks import Block, escape
from bot.slack.chat import Chat, ChatError, NoToken
from workers.door import Door

READY_SECONDS = 60.0
"""A file that is still refused this long after its upload no longer exists, or never will."""

PAUSES_SECONDS = (0.5, 2.0)
"""Slack takes a moment before it can show a new picture; a response_url works five times, one is used."""

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


class Pictured:
    """
    Answers to one question.

    Args:
        client: has the bot's token, with which pictures are uploaded.
        respond: Slack's way back to the person who asked.
    """

    def __init__(self, door: Door, client: AsyncWebClient, respond: AsyncRespond) -> None:
        self._door = door
        self._client = client
        self._respond = respond

    async def show(self, text: str, blocks: Callable[[str | None], list[Block]], digest: str | None) -> None:
        """
        Answer with the picture, or without it if Slack does not accept it.

        Args:
            text: the answer in one line; it also mentions the picture.
            blocks: makes the answer from the id of its picture in Slack.
            digest: of the kept picture; None if there is none.
        """
        file = await asyncio.to_thread(self._uploaded, digest, text)
        for pause in PAUSES_SECONDS if file else ():
            await asyncio.sleep(pause)
            if await self._said(text, blocks(file), pictured=True):
                return
        await self._said(text, blocks(None), pictured=False)

    async def _said(self, text: str, blocks: list[Block], *, pictured: bool) -> bool:
        said = await self._respond(
            escape(text), blocks=blocks, response_type="ephemeral", replace_original=False
        )
        if said.status_code != 200:
            _log.info("answer_not_taken", status=said.status_code, picture=pictured)
        return bool(said.status_code == 200)

    def _uploaded(self, digest: str | None, alt: str) -> str | None:
        if digest is None:
            return None
        try:
            chat = Chat(self._client.token or "", self._client.base_url)
            return Pictures(self._door, chat).file(digest, alt)
        except ChatError as error:
            _log.warning("picture_not_uploaded", error=str(error))
            return None
