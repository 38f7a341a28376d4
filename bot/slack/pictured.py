"""Shows an answer to the person who asked, with its picture if Slack has it in time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog
from slack_bolt.async_app import AsyncRespond
from slack_sdk.web.async_client import AsyncWebClient

from bot.messages.blocks import Block, escape
from bot.slack.chat import Chat, ChatError
from bot.slack.pictures import Pictures
from workers.door import Door

PAUSES_SECONDS = (0.5, 2.0)
"""Slack takes a moment before it can show a new picture; a response_url works five times, one is used."""

_log = structlog.get_logger(__name__)


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
