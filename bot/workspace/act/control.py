"""
`/control/*`: acts as a person, and orders faults. Used by the browser page as well as by the tests.

| POST to | fields (JSON) |
|---|---|
| press | user, action_id, one of (channel + ts) · view_id · home: true; block_id, value, shown |
| command | user, channel, text, command (default /recsysops) |
| submit, close | user, view_id (default: the topmost), values; all: true closes the whole stack |
| open_home | user |
| say | user, channel, text, thread_ts |
| react | user, channel, ts, name |
| faults | kind, method, count, retry_after, delay_seconds, error (see `faults.py`); DELETE forgets all |
| group | handle, users: a user group with these members, made or changed; the app gets the event |
| channel | channel, and what changes: is_archived, is_member, name; gone: true takes it away |
| delete | channel, ts: an administrator deletes a message of the app |
| token | error: what each call is refused with, for instance token_revoked; empty: no more |
| clock | advance_seconds |
| forget | nothing: messages, views, files and faults are gone, as in a new workspace |
| sockets | reason: disconnects every Socket Mode connection |

`shown` is the `edited.ts` of the message as the person saw it (empty: not edited yet), since an edit may
cross with a press; without it, a press refers to what the message says now.

Answers are `{ack_ms, status, answer, error}`, or 400 with `{"error": words}` for what cannot be done.
GET state: everything, as `{channels, messages, ephemerals, views, homes, files, faults, connections, calls}`.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from typing import Any, TypeAlias

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from bot.workspace.act import interact
from bot.workspace.act.fields import BadValue
from bot.workspace.act.interact import NotThere
from bot.workspace.delivery import events
from bot.workspace.errors import Refusal
from bot.workspace.faults import Fault
from bot.workspace.state import Message, View
from bot.workspace.world import World

Json = dict[str, Any]
CHANGEABLE = ("is_archived", "is_member", "name")
Act: TypeAlias = Callable[[World, Json], Awaitable[Json]]


async def act(request: Request) -> Response:
    """Handle one POST; the path says which one."""
    what = ACTS.get(request.path_params["what"])
    if what is None:
        return JSONResponse({"error": f"There are: {', '.join(ACTS)}."}, status_code=404)
    try:
        body = json.loads(await request.body() or b"{}")
        if not isinstance(body, dict):
            raise ValueError("The body has to be a JSON object.")
        return JSONResponse(await what(request.app.state.world, body))
    except Refusal as refusal:
        return JSONResponse({"error": refusal.code}, status_code=400)
    except KeyError as missing:
        return JSONResponse({"error": f"{missing} is missing or not known."}, status_code=400)
    except (ValueError, TypeError, NotThere, BadValue) as error:
        return JSONResponse({"error": str(error)}, status_code=400)


async def forget_faults(request: Request) -> Response:
    request.app.state.world.faults.clear()
    return JSONResponse({"ok": True})


async def show_state(request: Request) -> Response:
    world: World = request.app.state.world
    state = world.state
    seen = [m for m in state.messages.values() if m.only_for is None]
    return JSONResponse(
        {
            "channels": list(state.channels.values()),
            "messages": [_message(m) for m in seen],
            "ephemerals": [_message(m) for m in state.messages.values() if m.only_for is not None],
            "views": {
                user: [world.view_for_browser(v) for v in state.stack_of(user)] for user in state.users
            },
            "homes": {user: world.view_for_browser(view) for user, view in state.homes.items()},
            "files": list(state.files.values()),
            "faults": world.faults.listed(),
            "connections": world.sockets.count(),
            "calls": state.calls,
        }
    )


def _message(message: Message) -> Json:
    return {**asdict(message), "edit_count": len(message.versions)}


def _user(world: World, body: Json) -> str:
    user = body.get("user")
    if not world.is_person(user):
        raise NotThere(f"There is no person {user!r}.")
    return str(user)


def _channel(world: World, body: Json) -> str:
    channel = str(body.get("channel"))
    if channel not in world.state.channels:
        raise NotThere(f"There is no channel {channel!r}.")
    return channel


def _message_at(world: World, body: Json, user: str) -> Message:
    message = world.state.find(str(body.get("channel")), str(body.get("ts")))
    if message is None or message.only_for not in {None, user}:
        raise NotThere(f"{user} sees no message {body.get('ts')} in {body.get('channel')}.")
    return message


def _view(world: World, body: Json, user: str) -> View:
    mine = world.state.stack_of(user)
    wanted = body.get("view_id")
    found = [view for view in mine if wanted in {None, view.id}]
    if not found:
        raise NotThere(f"{user} has no such modal open ({wanted or 'none at all'}).")
    return found[-1]


async def _press(world: World, body: Json) -> Json:
    user = _user(world, body)
    place: Message | View
    if body.get("home"):
        if user not in world.state.homes:
            raise NotThere(f"{user} has no Home yet: open it first.")
        place = world.state.homes[user]
    elif body.get("ts"):
        place = _message_at(world, body, user)
    else:
        place = _view(world, body, user)
        interact.fill(place, body.get("values") or {})
    block_id = str(body.get("block_id") or "")
    pressed = str(body["action_id"]), block_id, body.get("value"), body.get("shown")
    answer = await interact.press(world, user, place, *pressed)
    return answer.as_json()


async def _command(world: World, body: Json) -> Json:
    name, text = str(body.get("command") or "/recsysops"), str(body.get("text") or "")
    answer = await interact.command(world, _user(world, body), _channel(world, body), name, text)
    return answer.as_json()


async def _submit(world: World, body: Json) -> Json:
    user = _user(world, body)
    answer = await interact.submit(world, user, _view(world, body, user), body.get("values") or {})
    return answer.as_json()


async def _close(world: World, body: Json) -> Json:
    user = _user(world, body)
    answer = await interact.close(world, user, _view(world, body, user), all_of_them=bool(body.get("all")))
    return answer.as_json()


async def _open_home(world: World, body: Json) -> Json:
    return (await events.open_home(world, _user(world, body))).as_json()


async def _say(world: World, body: Json) -> Json:
    user, channel = _user(world, body), _channel(world, body)
    message, answer = await events.say(world, user, channel, str(body["text"]), body.get("thread_ts"))
    return {**answer.as_json(), "ts": message.ts}


async def _react(world: World, body: Json) -> Json:
    user = _user(world, body)
    answer = await events.add_reaction(world, user, _message_at(world, body, user), str(body["name"]))
    return answer.as_json()


async def _faults(world: World, body: Json) -> Json:
    world.faults.order(Fault(**body))
    return {"faults": world.faults.listed()}


async def _group(world: World, body: Json) -> Json:
    users = [str(user) for user in body["users"]]
    return (await events.change_group(world, str(body["handle"]), users)).as_json()


async def _change_channel(world: World, body: Json) -> Json:
    channel = _channel(world, body)
    if body.get("gone"):
        return {"gone": world.state.channels.pop(channel)["id"]}
    world.state.channels[channel] |= {k: v for k, v in body.items() if k in CHANGEABLE}
    return {"channel": world.state.channels[channel]}


async def _delete(world: World, body: Json) -> Json:
    message = world.state.find(_channel(world, body), str(body.get("ts")))
    if message is None:
        raise NotThere(f"There is no message {body.get('ts')}.")
    message.deleted = True
    world.show(message)
    return {"deleted": message.ts}


async def _token(world: World, body: Json) -> Json:
    world.state.trouble = str(body.get("error") or "")
    return {"error": world.state.trouble}


async def _clock(world: World, body: Json) -> Json:
    world.state.clock_ahead_seconds += float(body["advance_seconds"])
    return {"now": world.state.now()}


async def _sockets(world: World, body: Json) -> Json:
    return {"disconnected": await world.sockets.disconnect(str(body.get("reason") or "refresh_requested"))}


async def _forget(world: World, body: Json) -> Json:
    world.forget()
    return {"ok": True}


ACTS: Mapping[str, Act] = {
    "press": _press,
    "command": _command,
    "submit": _submit,
    "close": _close,
    "open_home": _open_home,
    "say": _say,
    "react": _react,
    "faults": _faults,
    "group": _group,
    "channel": _change_channel,
    "delete": _delete,
    "token": _token,
    "clock": _clock,
    "forget": _forget,
    "sockets": _sockets,
}
