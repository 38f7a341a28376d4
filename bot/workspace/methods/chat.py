"""`chat.*` and `reactions.add`: what the app says, changes and deletes."""

from __future__ import annotations

from math import ceil
from typing import Any

from bot.workspace import people
from bot.workspace.errors import RateLimited, Refusal
from bot.workspace.methods.checks import (
    Arguments,
    flag,
    wanted_blocks,
    wanted_channel,
    wanted_message,
    wanted_metadata,
    wanted_text,
    writable_channel,
)
from bot.workspace.render import message_json
from bot.workspace.state import Message
from bot.workspace.world import World


def post_message(world: World, args: Arguments) -> dict[str, Any]:
    channel = writable_channel(world, args)
    _keep_pace(world, channel)
    message = _new_message(world, args, channel)
    world.show(message)
    body = message_json(world.state, message, metadata=True)
    return {"channel": channel, "ts": message.ts, "message": body}


def _keep_pace(world: World, channel: str) -> None:
    now, posted = world.state.now(), world.state.posted_at
    wait = posted.get(channel, 0.0) + world.settings.post_seconds - now
    if wait > 0:
        raise RateLimited(ceil(wait))
    posted[channel] = now


def post_ephemeral(world: World, args: Arguments) -> dict[str, Any]:
    channel = writable_channel(world, args)
    user = args.get("user")
    if not world.is_person(user):
        raise Refusal("user_not_in_channel")
    message = _new_message(world, args, channel)
    message.only_for = str(user)
    world.show(message)
    return {"message_ts": message.ts}


def _new_message(world: World, args: Arguments, channel: str) -> Message:
    text = wanted_text(args)
    ts = world.state.next_ts()
    blocks = wanted_blocks(world, args, f"{channel}/{ts}")
    if not text and not blocks:
        raise Refusal("no_text")
    return Message(
        channel=channel,
        ts=ts,
        user=people.BOT_USER,
        text=text,
        blocks=blocks,
        thread_ts=wanted_thread(world, channel, args.get("thread_ts")),
        metadata=wanted_metadata(args),
        broadcast=flag(args, "reply_broadcast"),
    )


def wanted_thread(world: World, channel: str, thread_ts: object) -> str | None:
    """The parent that a reply belongs to; a reply to a reply joins its thread."""
    if not thread_ts:
        return None
    parent = world.state.find(channel, str(thread_ts))
    if parent is None or parent.only_for:
        raise Refusal("cannot_reply_to_message")
    return parent.thread_ts or parent.ts


def update(world: World, args: Arguments) -> dict[str, Any]:
    """Updates a message: `text` without `blocks` removes the blocks; `metadata` stays unless given again."""
    channel = writable_channel(world, args)
    message = wanted_message(world, channel, args.get("ts"))
    if message.user != people.BOT_USER:
        raise Refusal("cant_update_message")
    text = wanted_text(args)
    blocks = wanted_blocks(world, args, message.key)
    if not text and not blocks:
        raise Refusal("no_text")
    if "metadata" in args:
        message.metadata = wanted_metadata(args)
    edit(world, message, text if "text" in args else message.text, blocks)
    body = message_json(world.state, message, metadata=True)
    return {"channel": channel, "ts": message.ts, "text": message.text, "message": body}


def edit(world: World, message: Message, text: str, blocks: list[dict[str, Any]] | None) -> None:
    """Replaces what a message says and keeps what it said before."""
    now = world.state.next_ts()
    message.versions.append({"text": message.text, "blocks": message.blocks, "until_ts": now})
    message.text, message.blocks, message.edited_ts = text, blocks, now
    world.show(message)


def delete(world: World, args: Arguments) -> dict[str, Any]:
    channel = writable_channel(world, args)
    message = wanted_message(world, channel, args.get("ts"))
    if message.user != people.BOT_USER:
        raise Refusal("cant_delete_message")
    message.deleted = True
    world.show(message)
    return {"channel": channel, "ts": message.ts}


def get_permalink(world: World, args: Arguments) -> dict[str, Any]:
    channel = wanted_channel(world, args)
    message = wanted_message(world, channel, args.get("message_ts"))
    link = f"http://{world.address}/#{channel}/{message.ts}"
    return {"channel": channel, "permalink": link}


def add_reaction(world: World, args: Arguments) -> dict[str, Any]:
    name = str(args.get("name", "")).strip(":")
    if not name:
        raise Refusal("no_reaction")
    message = wanted_message(world, wanted_channel(world, args), args.get("timestamp"))
    react(world, message, name, people.BOT_USER)
    return {}


def react(world: World, message: Message, name: str, user: str) -> None:
    users = message.reactions.setdefault(name, [])
    if user in users:
        raise Refusal("already_reacted")
    users.append(user)
    world.show(message)
