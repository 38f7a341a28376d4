"""
`/control/*`: acts as a person, and orders faults. Used by the browser page as well as by the tests.

| POST to | fields (JSON) |
|---|---|
| press | user, channel, ts, action_id; block_id, value, shown |
| command | user, channel, text, command (default /recsysops) |
| submit | user, values |
| close | user |
| open_home | user |
| say | user, channel, text, thread_ts |
| faults | kind, method, count, retry_after, delay_seconds, error (see `faults.py`) |
| group | handle, users: a user group with these members, made or changed; the app gets the event |
| channel | channel, and what changes: is_archived, is_member, name; gone: true takes it away |
| delete | channel, ts: an administrator deletes a message of the app |
| token | error: what each call is refused with, for instance token_revoked; empty: no more |

`shown` is the `edited.ts` of the message as the person saw it (empty: not edited yet), since an edit may
cross with a press; without it, a press refers to what the message says now.

Answers are `{ack_ms, status, answer, error}`, or 400 with `{"error": words}` for what cannot be done.
GET state: everything, as `{channels, messages, ephemerals, views, homes, files, connections, calls}`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from typing import Any, TypeAlias

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from bot.workspace import interact, people
from bot.workspace.deliver import Answer, happened
from bot.workspace.faults import FAULT
from bot.workspace.refusal import Refusal
from bot.workspace.render import view_json
from bot.workspace.state import CannotBeDone, Message, View
from bot.workspace.world import World

Json = dict[str, Any]
Act: TypeAlias = Callable[[World, Json], Awaitable[Answer]]
DONE = Answer()


async def act(request: Request) -> Response:
    """Handle one POST; the path says which one."""
    # No other page can send this without asking first, and it is never answered that it may.
    if not request.headers.get("content-type", "").startswith("application/json"):
        return JSONResponse({"error": "The body has to be application/json."}, 415)
    try:
        what = ACTS[request.path_params["what"]]
        return JSONResponse(asdict(await what(request.app.state.world, await request.json())))
    except KeyError as missing:
        return JSONResponse({"error": f"{missing} is missing or not known."}, 400)
    except (ValueError, Refusal) as error:
        return JSONResponse({"error": str(error)}, 400)


async def show_state(request: Request) -> Response:
    world: World = request.app.state.world
    state = world.state
    return JSONResponse(
        {
            "channels": list(state.channels.values()),
            "messages": [asdict(m) for m in state.messages.values() if m.only_for is None],
            "ephemerals": [asdict(m) for m in state.messages.values() if m.only_for is not None],
            "views": {user: world.views_of(user) for user in state.users},
            "homes": {user: view_json(view) for user, view in state.homes.items()},
            "files": list(state.files.values()),
            "connections": world.sockets.count(),
            "calls": state.calls,
        }
    )


def _user(world: World, body: Json) -> str:
    user = body.get("user")
    if not world.state.is_person(user):
        raise CannotBeDone(f"There is no person {user!r}.")
    return str(user)


def _channel(world: World, body: Json) -> Json:
    return world.state.channels[body["channel"]]


def _message(world: World, body: Json) -> Message:
    message = world.state.find(body["channel"], body["ts"])
    if message is None or message.only_for not in {None, body.get("user")}:
        raise CannotBeDone(f"There is no message {body['ts']} in {body['channel']}.")
    return message


def _modal(world: World, body: Json) -> View:
    user = _user(world, body)
    if user not in world.state.modals:
        raise CannotBeDone(f"{user} has no modal open.")
    return world.state.modals[user]


async def _press(world: World, body: Json) -> Answer:
    pressed = body["action_id"], body.get("block_id", ""), body.get("value"), body.get("shown")
    return await interact.press(world, _user(world, body), _message(world, body), *pressed)


async def _command(world: World, body: Json) -> Answer:
    name, text = body.get("command", "/recsysops"), body["text"]
    return await interact.command(world, _user(world, body), _channel(world, body)["id"], name, text)


async def _submit(world: World, body: Json) -> Answer:
    return await interact.submit(world, _user(world, body), _modal(world, body), body["values"])


async def _close(world: World, body: Json) -> Answer:
    del world.state.modals[_modal(world, body).user]
    world.show_modal(body["user"])
    return DONE


async def _open_home(world: World, body: Json) -> Answer:
    return await happened(world, {"type": "app_home_opened", "user": _user(world, body), "tab": "home"})


async def _say(world: World, body: Json) -> Answer:
    channel = _channel(world, body)["id"]
    interact.say(world, _user(world, body), channel, body["text"], body.get("thread_ts"))
    return DONE


async def _faults(world: World, body: Json) -> Answer:
    world.faults.order(FAULT.validate_python(body))
    return DONE


async def _group(world: World, body: Json) -> Answer:
    handle, users = body["handle"], body["users"]
    known = next((one for one in world.state.groups.values() if one["handle"] == handle), None)
    group = {"id": known["id"] if known else world.state.next_id("S"), "handle": handle, "users": users}
    world.state.groups[group["id"]] = group
    if known is None:
        return await happened(world, {"type": "subteam_created", "subteam": group})
    removed = [user for user in known["users"] if user not in users]
    changed = {"type": "subteam_members_changed", "subteam_id": group["id"], "team_id": people.TEAM_ID}
    return await happened(world, {**changed, "removed_users": removed})


async def _change_channel(world: World, body: Json) -> Answer:
    channel = _channel(world, body)
    channel |= {key: value for key, value in body.items() if key in channel}
    if body.get("gone"):
        del world.state.channels[channel["id"]]
    return DONE


async def _delete(world: World, body: Json) -> Answer:
    message = _message(world, body)
    message.deleted = True
    world.show(message)
    return DONE


async def _token(world: World, body: Json) -> Answer:
    world.state.trouble = body["error"]
    return DONE


ACTS: Mapping[str, Act] = {
    "press": _press,
    "command": _command,
    "submit": _submit,
    "close": _close,
    "open_home": _open_home,
    "say": _say,
    "faults": _faults,
    "group": _group,
    "channel": _change_channel,
    "delete": _delete,
    "token": _token,
}
