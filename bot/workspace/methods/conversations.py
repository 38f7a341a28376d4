"""`conversations.*`: which channels exist, and what was said in them."""

from __future__ import annotations

from typing import Any

from bot.workspace.errors import Refusal
from bot.workspace.methods.checks import Arguments, count, flag, member_channel, wanted_channel
from bot.workspace.people import direct_id
from bot.workspace.render import message_json
from bot.workspace.state import Message
from bot.workspace.world import World


def list_channels(world: World, args: Arguments) -> dict[str, Any]:
    kinds = str(args.get("types") or "public_channel").split(",")
    archived_too = not flag(args, "exclude_archived")
    channels = [
        channel
        for channel in world.state.channels.values()
        if _kind(channel) in kinds and (archived_too or not channel.get("is_archived"))
    ]
    return _listed(args, channels)


def list_own(world: World, args: Arguments) -> dict[str, Any]:
    """`users.conversations`: those of `conversations.list` that the app itself is in."""
    listed = list_channels(world, {**args, "limit": 1_000, "cursor": ""})["channels"]
    return _listed(args, [channel for channel in listed if channel.get("is_member", True)])


def _kind(channel: dict[str, Any]) -> str:
    if channel["is_im"]:
        return "im"
    return "private_channel" if channel["is_private"] else "public_channel"


def _listed(args: Arguments, channels: list[dict[str, Any]]) -> dict[str, Any]:
    start = _start(args)
    limit = count(args, "limit", 100, 1_000)
    return {"channels": channels[start : start + limit], **_next(start + limit, len(channels))}


def info(world: World, args: Arguments) -> dict[str, Any]:
    return {"channel": world.state.channels[wanted_channel(world, args)]}


def open_direct(world: World, args: Arguments) -> dict[str, Any]:
    users = [user for user in str(args.get("users", "")).split(",") if user]
    if args.get("channel"):
        return {"channel": {"id": wanted_channel(world, args)}}
    if not users:
        raise Refusal("users_list_not_supplied")
    if len(users) > 1 or not world.is_person(users[0]):
        raise Refusal("user_not_found")
    return {"channel": {"id": direct_id(users[0])}, "already_open": True, "no_op": True}


def history(world: World, args: Arguments) -> dict[str, Any]:
    """The messages of the channel itself, newest first; replies are in `replies`."""
    channel = member_channel(world, args)
    found = [m for m in world.state.in_channel(channel) if m.thread_ts is None or m.broadcast]
    found = [m for m in reversed(found) if _within(m, args)]
    return _page(world, args, found, 100)


def replies(world: World, args: Arguments) -> dict[str, Any]:
    """A thread, oldest first, its parent at the head."""
    channel = member_channel(world, args)
    asked = world.state.find(channel, str(args.get("ts")))
    if asked is None or asked.only_for:
        raise Refusal("thread_not_found")
    parent = world.state.find(channel, asked.thread_ts) if asked.thread_ts else asked
    head = [] if parent is None else [parent]
    later = [m for m in world.state.replies(channel, asked.thread_ts or asked.ts) if _within(m, args)]
    return _page(world, args, head + later, 1_000)


def _within(message: Message, args: Arguments) -> bool:
    ts, inclusive = float(message.ts), flag(args, "inclusive")
    try:
        oldest, latest = float(args.get("oldest") or 0), float(args.get("latest") or "inf")
    except ValueError as error:
        raise Refusal("invalid_arguments") from error
    return oldest < ts < latest or (inclusive and ts in (oldest, latest))


def _page(world: World, args: Arguments, found: list[Message], default: int) -> dict[str, Any]:
    start, limit = _start(args), count(args, "limit", default, 1_000)
    metadata = flag(args, "include_all_metadata")
    page = [message_json(world.state, m, metadata=metadata) for m in found[start : start + limit]]
    return {
        "messages": page,
        "has_more": start + limit < len(found),
        "pin_count": 0,
        **_next(start + limit, len(found)),
    }


def _start(args: Arguments) -> int:
    cursor = str(args.get("cursor") or "at-0")
    if not cursor.startswith("at-") or not cursor[3:].isdigit():
        raise Refusal("invalid_cursor")
    return int(cursor[3:])


def _next(position: int, total: int) -> dict[str, Any]:
    return {"response_metadata": {"next_cursor": f"at-{position}" if position < total else ""}}
