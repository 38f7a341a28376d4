"""Messages and views in the JSON that Slack's Web API answers with."""

from __future__ import annotations

import hashlib
from typing import Any

from bot.workspace import people
from bot.workspace.state import Message, State, View


def message_json(state: State, message: Message, *, metadata: bool = False) -> dict[str, Any]:
    """A message as `conversations.history` returns it; `metadata` only if it was asked for."""
    body: dict[str, Any] = {"type": "message", "ts": message.ts, "user": message.user, "text": message.text}
    body["team"] = people.TEAM_ID
    if message.user == people.BOT_USER:
        body |= {"bot_id": people.BOT_ID, "app_id": people.APP_ID}
    if message.blocks:
        body["blocks"] = message.blocks
    if message.edited_ts:
        body["edited"] = {"user": message.user, "ts": message.edited_ts}
    if message.files:
        body["files"] = [state.files[file_id] for file_id in message.files]
    if message.reactions:
        body["reactions"] = [
            {"name": name, "users": users, "count": len(users)} for name, users in message.reactions.items()
        ]
    if metadata and message.metadata:
        body["metadata"] = message.metadata
    if message.broadcast:
        body["subtype"] = "thread_broadcast"
    return body | _thread_json(state, message)


def _thread_json(state: State, message: Message) -> dict[str, Any]:
    if message.thread_ts:
        return {"thread_ts": message.thread_ts}
    replies = state.replies(message.channel, message.ts)
    if not replies:
        return {}
    users = list(dict.fromkeys(reply.user for reply in replies))
    return {
        "thread_ts": message.ts,
        "reply_count": len(replies),
        "reply_users": users,
        "reply_users_count": len(users),
        "latest_reply": replies[-1].ts,
    }


def view_json(view: View, state_values: dict[str, Any] | None = None) -> dict[str, Any]:
    """A view as `views.open` returns it and interactions carry it."""
    defaults = {
        "private_metadata": "",
        "callback_id": "",
        "external_id": "",
        "title": None,
        "submit": None,
        "close": None,
        "clear_on_close": False,
        "notify_on_close": False,
    }
    return {
        **defaults,
        **view.body,
        "id": view.id,
        "team_id": people.TEAM_ID,
        "hash": view.hash,
        "state": {"values": view.values if state_values is None else state_values},
        "root_view_id": view.stack,
        "previous_view_id": view.previous,
        "app_id": people.APP_ID,
        "app_installed_team_id": people.TEAM_ID,
        "bot_id": people.BOT_ID,
    }


def with_ids(blocks: list[dict[str, Any]], seed: str) -> list[dict[str, Any]]:
    """
    The blocks with the ids that Slack generates if none were given; the same place gets the same id, so
    that an update does not rename what it does not touch.
    """
    return [
        _element_ids({"block_id": _made_up(f"{seed}/{index}"), **block}, f"{seed}/{index}")
        for index, block in enumerate(blocks)
    ]


def _element_ids(block: dict[str, Any], seed: str) -> dict[str, Any]:
    if block["type"] in {"rich_text", "context"}:
        return block
    for key in ("accessory", "element"):
        if key in block:
            block = {**block, key: _with_action_id(block[key], f"{seed}/{key}")}
    if block["type"] == "actions":
        elements = enumerate(block["elements"])
        block = {**block, "elements": [_with_action_id(element, f"{seed}/{n}") for n, element in elements]}
    return block


def _with_action_id(element: dict[str, Any], seed: str) -> dict[str, Any]:
    return element if element["type"] == "image" else {"action_id": _made_up(seed), **element}


def _made_up(seed: str) -> str:
    return hashlib.sha256(seed.encode()).hexdigest()[:5]
