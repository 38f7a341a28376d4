"""The answer for one item, shown to who asked, with its picture where Slack has it in time."""

from __future__ import annotations

import asyncio

import structlog
from slack_bolt.async_app import AsyncRespond
from slack_sdk.web.async_client import AsyncWebClient

from bot.messages.blocks import escape
from bot.messages.item import blocks
from bot.slack.chat import Chat, ChatError
from bot.slack.pictures import Pictures
from domain.answer import ItemAnswer
from workers.door import Door

PAUSES_SECONDS = (0.5, 2.0)
"""Slack looks at a picture for a moment before it shows it; a response_url works five times, one is used."""

_log = structlog.get_logger(__name__)


async def show_item(answer: ItemAnswer, door: Door, client: AsyncWebClient, respond: AsyncRespond) -> None:
    """Answer with the picture, and where Slack does not take it, without."""
    file = await asyncio.to_thread(_uploaded, answer, door, client)
    for pause in PAUSES_SECONDS if file else ():
        await asyncio.sleep(pause)
        if await _said(answer, file, respond):
            return
    await _said(answer, None, respond)


async def _said(answer: ItemAnswer, file: str | None, respond: AsyncRespond) -> bool:
    drawn = blocks(answer, file)
    said = await respond(
        escape(answer.headline), blocks=drawn, response_type="ephemeral", replace_original=False
    )
    if said.status_code != 200:
        _log.info("answer_not_taken", status=said.status_code, picture=file is not None)
    return bool(said.status_code == 200)


def _uploaded(answer: ItemAnswer, door: Door, client: AsyncWebClient) -> str | None:
    if answer.picture is None:
        return None
    try:
        return Pictures(door, Chat(client.token or "", client.base_url)).file(answer.picture, answer.headline)
    except ChatError as error:
        _log.warning("picture_not_uploaded", error=str(error))
        return None
