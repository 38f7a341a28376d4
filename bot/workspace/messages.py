"""`chat.*`, `conversations.*` and response URLs: what the app says, changes, deletes and reads."""

from __future__ import annotations

import time
from math import ceil
from typing import Any

from bot.workspace import people
from bot.workspace.block_kit import (
    MESSAGE_BLOCKS_LENGTH_MAX,
    MESSAGE_TEXT_MAX,
    length_of_blocks,
    problems_of_blocks,
)
from bot.workspace.files import is_ready
from bot.workspace.people import direct_id
from bot.workspace.refusal import Refusal, refuse_shapes
from bot.workspace.render import message_json, with_ids
from bot.workspace.state import Message, ResponseUrl
from bot.workspace.world import World

Json = dict[str, Any]
RESPONSE_URL_USES = 5


def post(world: World, args: Json) -> Json:
    channel = _writable_channel(world, args)
    _keep_pace(world, channel)
    message = _new_message(world, args, channel)
    message.thread_ts = thread_of(world, channel, args.get("thread_ts"))
    message.metadata = args.get("metadata")
    world.show(message)
    return _answered(world, message)


def update(world: World, args: Json) -> Json:
    """Replaces what a message says and keeps what it said before; `text` without `blocks` removes these."""
    message = _own_message(world, args)
    said = _new_message(world, args, message.channel, message.ts)
    now = world.state.next_ts()
    message.versions.append({"text": message.text, "blocks": message.blocks, "until_ts": now})
    message.text, message.blocks, message.edited_ts = said.text, said.blocks, now
    world.show(message)
    return _answered(world, message)


def delete(world: World, args: Json) -> Json:
    message = _own_message(world, args)
    message.deleted = True
    world.show(message)
    return {"channel": message.channel, "ts": message.ts}


def history(world: World, args: Json) -> Json:
    """The messages of the channel itself, newest first; replies are in `replies`."""
    channel = _member_channel(world, args)
    found = [m for m in reversed(world.state.seen_by_all(channel)) if m.thread_ts is None]
    return _page(world, args, found)


def replies(world: World, args: Json) -> Json:
    """A thread, oldest first, its parent at the head."""
    channel = _member_channel(world, args)
    parent = world.state.find(channel, str(args.get("ts")))
    if parent is None:
        raise Refusal("thread_not_found")
    return _page(world, args, [parent, *world.state.seen_by_all(channel, parent.ts)])


def list_channels(world: World, args: Json) -> Json:
    """Every channel that all may read, archived ones only if wanted."""
    skipped = args.get("exclude_archived") == "true"
    channels = [one for one in world.state.channels.values() if not one["is_im"]]
    return {"channels": [one for one in channels if not (skipped and one["is_archived"])]}


def list_own(world: World, args: Json) -> Json:
    """`users.conversations`: those that the app itself is in."""
    return {"channels": [one for one in list_channels(world, args)["channels"] if one["is_member"]]}


def respond(world: World, key: str, body: Json) -> None:
    """
    What the app answers an interaction with, to be seen by that person alone.

    Raises:
        Refusal: there is no such URL, or it was used five times.
    """
    place = world.state.response_urls.get(key)
    if place is None or place.uses >= RESPONSE_URL_USES:
        raise Refusal("invalid_url" if place is None else "used_url")
    place.uses += 1
    world.show(_only_for(world, place, body))


def _only_for(world: World, place: ResponseUrl, body: Json) -> Message:
    message = _new_message(world, body, place.channel)
    message.only_for = place.user
    return message


def thread_of(world: World, channel: str, thread_ts: object) -> str | None:
    """The parent that a reply belongs to; a reply to a reply joins its thread."""
    if not thread_ts:
        return None
    parent = world.state.find(channel, str(thread_ts))
    if parent is None or parent.only_for:
        raise Refusal("cannot_reply_to_message")
    return parent.thread_ts or parent.ts


def _keep_pace(world: World, channel: str) -> None:
    now, posted = time.time(), world.state.posted_at
    wait = posted.get(channel, 0.0) + world.settings.post_seconds - now
    if wait > 0:
        raise Refusal("ratelimited", retry_after=ceil(wait))
    posted[channel] = now


def _new_message(world: World, args: Json, channel: str, ts: str = "") -> Message:
    text, blocks = str(args.get("text") or ""), args.get("blocks") or None
    ts = ts or world.state.next_ts()
    if not text and not blocks:
        raise Refusal("no_text")
    if len(text) > MESSAGE_TEXT_MAX:
        raise Refusal("msg_too_long")
    if blocks is not None:
        if problems := problems_of_blocks(blocks, is_ready(world.state)):
            raise refuse_shapes("invalid_blocks", problems)
        if length_of_blocks(blocks) > MESSAGE_BLOCKS_LENGTH_MAX:
            raise Refusal("msg_blocks_too_long")
        blocks = with_ids(blocks, f"{channel}/{ts}")
    return Message(channel, ts, people.BOT_USER, text, blocks)


def _answered(world: World, message: Message) -> Json:
    body = message_json(world.state, message, metadata=True)
    return {"channel": message.channel, "ts": message.ts, "message": body}


def _own_message(world: World, args: Json) -> Message:
    message = world.state.find(_writable_channel(world, args), str(args.get("ts")))
    if message is None or message.only_for:
        raise Refusal("message_not_found")
    if message.user != people.BOT_USER:
        raise Refusal("cant_update_message")
    return message


def _member_channel(world: World, args: Json) -> str:
    """The channel that `channel` names by its id, or by a person's, if the app is in it."""
    named = str(args.get("channel", ""))
    found = world.state.channels.get(direct_id(named) if world.state.is_person(named) else named)
    if found is None:
        raise Refusal("channel_not_found")
    if not found.get("is_member", True):
        raise Refusal("not_in_channel")
    return str(found["id"])


def _writable_channel(world: World, args: Json) -> str:
    channel = _member_channel(world, args)
    if world.state.channels[channel].get("is_archived"):
        raise Refusal("is_archived")
    return channel


def _page(world: World, args: Json, found: list[Message]) -> Json:
    oldest, latest = float(args.get("oldest", 0)), float(args.get("latest", "inf"))
    ends = (oldest, latest) if args.get("inclusive") == "true" else ()
    within = [m for m in found if oldest < float(m.ts) < latest or float(m.ts) in ends]
    start, limit = int(args.get("cursor", 0)), int(args.get("limit", 100))
    metadata = args.get("include_all_metadata") == "true"
    more = start + limit < len(within)
    return {
        "messages": [message_json(world.state, m, metadata=metadata) for m in within[start : start + limit]],
        "has_more": more,
        "response_metadata": {"next_cursor": str(start + limit) if more else ""},
    }
