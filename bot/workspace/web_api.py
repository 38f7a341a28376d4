"""`/api/<method>`: who may call what, which faults were ordered, and one table of methods."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from bot.workspace import files, messages, people
from bot.workspace.block_kit import VIEW_BYTES_MAX, problems_of_view
from bot.workspace.faults import API_FAULTS, Fault
from bot.workspace.form import first_values
from bot.workspace.refusal import Refusal, refuse_shapes
from bot.workspace.render import view_json, with_ids
from bot.workspace.state import View
from bot.workspace.world import World

Json = dict[str, Any]
Handler: TypeAlias = Callable[[World, Json], Json]


@dataclass(frozen=True)
class Method:
    """One method: the function that answers it, and the scope it needs; `app` methods want the app token."""

    answer: Handler
    scope: str = ""
    app: bool = False


async def call(request: Request) -> Response:
    """Answers one call of the Web API, or fails as ordered."""
    world: World = request.app.state.world
    name = request.path_params["method"]
    is_json = request.headers.get("content-type", "").startswith("application/json")
    body = await request.json() if is_json else dict(parse_qsl((await request.body()).decode()))
    args = {**request.query_params, **body}
    world.state.calls[name] += 1
    try:
        fault = world.faults.take(API_FAULTS, name)
        if fault is None:
            return _answer(world, request, name, args)
        return await _go_wrong(world, request, name, args, fault)
    except Refusal as refusal:
        return refusal.response()


async def _go_wrong(world: World, request: Request, name: str, args: Json, fault: Fault) -> Response:
    match fault.kind:
        case "ratelimited":
            raise Refusal("ratelimited", retry_after=fault.retry_after)
        case "refused":
            raise Refusal(fault.error)
        case "server_error":
            return Response("Internal Server Error", status_code=500)
        case "drop_before_effect":
            _drop(request)
            return Response()
        case "drop_after_effect":
            _drop(request)
        case _:
            await asyncio.sleep(fault.delay_seconds)
    return _answer(world, request, name, args)


def _drop(request: Request) -> None:
    """Closes the connection without an answer, through uvicorn: ASGI has no message for that."""
    request.receive.__self__.transport.abort()  # type: ignore[attr-defined]


def _answer(world: World, request: Request, name: str, args: Json) -> Response:
    method = METHODS.get(name)
    if method is None:
        raise Refusal("unknown_method")
    _authorise(world, request.headers.get("authorization", "").removeprefix("Bearer "), method)
    return JSONResponse(
        {"ok": True, **method.answer(world, args)}, headers={"x-oauth-scopes": world.settings.scopes}
    )


def _authorise(world: World, token: str, method: Method) -> None:
    settings = world.settings
    if token not in {settings.bot_token, settings.app_token}:
        raise Refusal("invalid_auth" if token else "not_authed")
    if world.state.trouble:
        raise Refusal(world.state.trouble)
    if (token == settings.app_token) != method.app:
        raise Refusal("not_allowed_token_type")
    if method.scope and method.scope not in settings.scopes.split(","):
        raise Refusal("missing_scope", needed=method.scope, provided=settings.scopes)


def _open_connection(world: World, args: Json) -> Json:
    address = world.url.replace("http://", "ws://")
    return {"url": f"{address}/link/?ticket={world.sockets.new_ticket()}&app_id={people.APP_ID}"}


def _who_am_i(world: World, args: Json) -> Json:
    return {
        "team": people.TEAM_NAME,
        "user": people.BOT_NAME,
        "team_id": people.TEAM_ID,
        "user_id": people.BOT_USER,
        "bot_id": people.BOT_ID,
    }


def _user_info(world: World, args: Json) -> Json:
    user = world.state.users.get(str(args.get("user")))
    if user is None:
        raise Refusal("user_not_found")
    return {"user": user}


def _list_groups(world: World, args: Json) -> Json:
    return {"usergroups": list(world.state.groups.values())}


def _open_view(world: World, args: Json) -> Json:
    view = _wanted_view(world, args, "modal")
    trigger = world.state.triggers.get(str(args.get("trigger_id")))
    if trigger is None:
        raise Refusal("invalid_trigger_id")
    if trigger.used or time.time() > trigger.until:
        raise Refusal("exchanged_trigger_id" if trigger.used else "expired_trigger_id")
    trigger.used = True
    view.user = trigger.user
    view.values = first_values(view.body["blocks"])
    world.state.modals[view.user] = view
    world.show_modal(view.user)
    return {"view": view_json(view)}


def _publish_view(world: World, args: Json) -> Json:
    view = _wanted_view(world, args, "home")
    view.user = str(args.get("user_id"))
    if not world.state.is_person(view.user):
        raise Refusal("user_not_found")
    world.state.save_home(view)
    world.live.tell("home", user=view.user, view=view_json(view))
    return {"view": view_json(view)}


def _wanted_view(world: World, args: Json, kind: str) -> View:
    """The view that the app sent, if Slack would accept it; not yet anybody's."""
    body = args.get("view")
    problems = problems_of_view(body, files.is_ready(world.state))
    if not isinstance(body, dict) or problems:
        raise refuse_shapes("invalid_arguments", problems)
    if body["type"] != kind:
        raise refuse_shapes("invalid_arguments", [f"must be a {kind} view [json-pointer:/view/type]"])
    if len(json.dumps(body, ensure_ascii=False).encode()) > VIEW_BYTES_MAX:
        raise Refusal("view_too_large")
    view_id = world.state.next_id("V")
    return View(view_id, "", {**body, "blocks": with_ids(body["blocks"], view_id)})


METHODS: dict[str, Method] = {
    "apps.connections.open": Method(_open_connection, app=True),
    "auth.test": Method(_who_am_i),
    "chat.delete": Method(messages.delete, "chat:write"),
    "chat.postMessage": Method(messages.post, "chat:write"),
    "chat.update": Method(messages.update, "chat:write"),
    "conversations.history": Method(messages.history, "channels:history"),
    "conversations.list": Method(messages.list_channels, "channels:read"),
    "conversations.replies": Method(messages.replies, "channels:history"),
    "files.completeUploadExternal": Method(files.complete_upload, "files:write"),
    "files.getUploadURLExternal": Method(files.get_upload_url, "files:write"),
    "usergroups.list": Method(_list_groups, "usergroups:read"),
    "users.conversations": Method(messages.list_own, "channels:read"),
    "users.info": Method(_user_info, "users:read"),
    "views.open": Method(_open_view),
    "views.publish": Method(_publish_view),
}
"""All that the bot calls; anything else is an unknown method."""
