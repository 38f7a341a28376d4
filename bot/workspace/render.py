"""Messages and views in the JSON that Slack's Web API answers with."""

from __future__ import annotations

import hashlib
from typing import Any

from bot.workspace import people
from bot.workspace.state import Message, State, View

Json = dict[str, Any]


def message_json(state: State, message: Message, *, metadata: bool = False) -> Json:
    """A message as `conversations.history` returns it; `metadata` only if it was asked for."""
    body: Json = {"type": "message", "ts": message.ts, "user": message.user, "text": message.text}
    if message.user == people.BOT_USER:
        body |= {"bot_id": people.BOT_ID, "app_id": people.APP_ID}
    if message.blocks:
        body["blocks"] = message.blocks
    if message.edited_ts:
        body["edited"] = {"user": message.user, "ts": message.edited_ts}
    if metadata and message.metadata:
        body["metadata"] = message.metadata
    return body | _thread_json(state, message)


def _thread_json(state: State, message: Message) -> Json:
    if message.thread_ts:
        return {"thread_ts": message.thread_ts}
    replies = state.seen_by_all(message.channel, message.ts)
    if not replies:
        return {}
    return {
        "thread_ts": message.ts,
        "reply_count": len(replies),
        "reply_users": list(dict.fromkeys(reply.user for reply in replies)),
        "latest_reply": replies[-1].ts,
    }


def view_json(view: View) -> Json:
    """A view as `views.open` returns it and interactions carry it, with what its form rejects."""
    return {
        "private_metadata": "",
        "callback_id": "",
        **view.body,
        "id": view.id,
        "team_id": people.TEAM_ID,
        "app_id": people.APP_ID,
        "state": {"values": view.values},
        "errors": view.errors,
    }


def with_ids(blocks: list[Json], seed: str) -> list[Json]:
    """
    The blocks with the ids that Slack generates if none were given; the same place gets the same id, so
    that an update does not rename what it does not touch.
    """
    return [
        {"block_id": hashlib.sha256(f"{seed}/{index}".encode()).hexdigest()[:5], **block}
        for index, block in enumerate(blocks)
    ]
