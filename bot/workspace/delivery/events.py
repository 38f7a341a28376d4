"""Events: what happened in the workspace, sent to the app if it has subscribed, and retried if unanswered."""

from __future__ import annotations

import asyncio
import re
from typing import Any

from bot.workspace import people
from bot.workspace.delivery.deliver import Answer, deliver
from bot.workspace.methods.chat import react, wanted_thread
from bot.workspace.people import direct_id
from bot.workspace.render import view_json
from bot.workspace.state import Message
from bot.workspace.world import World

_MENTION = re.compile(r"(<[@#!][^<>\s]+>)")
_again: set[asyncio.Task[None]] = set()


async def open_home(world: World, user: str) -> Answer:
    """A person looks at the app's Home."""
    event: dict[str, Any] = {
        "type": "app_home_opened",
        "user": user,
        "channel": direct_id(user),
        "tab": "home",
    }
    if user in world.state.homes:
        event["view"] = view_json(world.state.homes[user])
    return await tell(world, event)


async def say(
    world: World, user: str, channel: str, text: str, thread_ts: str | None
) -> tuple[Message, Answer]:
    """A person writes something."""
    thread = wanted_thread(world, channel, thread_ts)
    text = as_stored(world, text)
    message = Message(channel, world.state.next_ts(), user, text, thread_ts=thread)
    world.show(message)
    kind = "app_mention" if f"<@{people.BOT_USER}>" in text else "message"
    event = {"type": kind, "user": user, "text": text, "ts": message.ts, "channel": channel}
    if thread:
        event["thread_ts"] = thread
    if kind == "message":
        event["channel_type"] = "im" if world.state.channels[channel]["is_im"] else "channel"
    return message, await tell(world, event)


def as_stored(world: World, text: str) -> str:
    """The typed text as Slack stores it: `@name` of a person or group as a mention, `&`, `<`, `>` escaped."""
    names = {user["name"]: f"<@{user_id}>" for user_id, user in world.state.users.items()}
    groups = {group["handle"]: f"<!subteam^{group_id}>" for group_id, group in world.state.groups.items()}

    def stored(part: str) -> str:
        if re.fullmatch(_MENTION, part):
            return part
        escaped = part.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        return re.sub(r"(?<!\w)@(\w+)", lambda m: {**groups, **names}.get(m[1], m[0]), escaped)

    return "".join(stored(part) for part in re.split(_MENTION, text))


async def add_reaction(world: World, user: str, message: Message, name: str) -> Answer:
    """A person puts an emoji on a message."""
    react(world, message, name, user)
    item = {"type": "message", "channel": message.channel, "ts": message.ts}
    event = {
        "type": "reaction_added",
        "user": user,
        "reaction": name,
        "item": item,
        "item_user": message.user,
    }
    return await tell(world, event)


async def change_group(world: World, handle: str, users: list[str]) -> Answer:
    """A user group gets other members, or is created; in memory only, like all groups."""
    known = next((one for one in world.state.groups.values() if one["handle"] == handle), None)
    group_id = known["id"] if known else world.state.next_id("S")
    group = people.group(group_id, handle, handle, users)
    world.state.groups[group_id] = group
    if known is None:
        return await tell(world, {"type": "subteam_created", "subteam": group})
    changed = {
        "type": "subteam_members_changed",
        "subteam_id": group_id,
        "team_id": people.TEAM_ID,
        "added_users": [user for user in users if user not in known["users"]],
        "removed_users": [user for user in known["users"] if user not in users],
    }
    return await tell(world, changed)


async def tell(world: World, event: dict[str, Any]) -> Answer:
    """Delivers one event, at once; if the app does not accept it, again after each pause in the settings."""
    if event["type"] not in world.settings.events:
        return Answer(0.0)
    now = world.state.now()
    payload = {
        "token": "not-used",
        "team_id": people.TEAM_ID,
        "api_app_id": people.APP_ID,
        "event": {**event, "event_ts": f"{now:.6f}"},
        "type": "event_callback",
        "event_id": world.state.next_id("Ev"),
        "event_time": int(now),
        "authorizations": [{"team_id": people.TEAM_ID, "user_id": people.BOT_USER, "is_bot": True}],
    }
    answer = await deliver(world, "event", payload)
    if answer.error and world.settings.request_url:
        task = asyncio.create_task(_tell_again(world, payload))
        _again.add(task)  # a task without a reference may be collected before it has run
        task.add_done_callback(_again.discard)
    return answer


async def _tell_again(world: World, payload: dict[str, Any]) -> None:
    for retry, pause in enumerate(world.settings.retry_seconds, start=1):
        await asyncio.sleep(pause)
        answer = await deliver(world, "event", payload, retry)
        if not answer.error:
            return
