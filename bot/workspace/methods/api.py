"""`/api/<method>`: who may call what, which faults were ordered, and one table of methods."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from bot.workspace.delivery.dropped import Dropped
from bot.workspace.errors import RateLimited, Refusal
from bot.workspace.faults import API_FAULTS, Fault
from bot.workspace.methods import chat, conversations, directory, files, views
from bot.workspace.methods.checks import Arguments
from bot.workspace.world import World

Handler: TypeAlias = Callable[[World, Arguments], dict[str, Any]]


@dataclass(frozen=True)
class Method:
    """One method: the function that answers it, and the scope it needs; `app` methods want the app token."""

    answer: Handler
    scope: str = ""
    app: bool = False


METHODS: Mapping[str, Method] = {
    "apps.connections.open": Method(directory.open_connection, app=True),
    "auth.test": Method(directory.auth_test),
    "chat.delete": Method(chat.delete, "chat:write"),
    "chat.getPermalink": Method(chat.get_permalink),
    "chat.postEphemeral": Method(chat.post_ephemeral, "chat:write"),
    "chat.postMessage": Method(chat.post_message, "chat:write"),
    "chat.update": Method(chat.update, "chat:write"),
    "conversations.history": Method(conversations.history, "channels:history"),
    "conversations.info": Method(conversations.info, "channels:read"),
    "conversations.list": Method(conversations.list_channels, "channels:read"),
    "conversations.open": Method(conversations.open_direct, "im:write"),
    "conversations.replies": Method(conversations.replies, "channels:history"),
    "files.completeUploadExternal": Method(files.complete_upload, "files:write"),
    "files.getUploadURLExternal": Method(files.get_upload_url, "files:write"),
    "reactions.add": Method(chat.add_reaction, "reactions:write"),
    "usergroups.list": Method(directory.groups_list, "usergroups:read"),
    "usergroups.users.list": Method(directory.group_users, "usergroups:read"),
    "users.conversations": Method(conversations.list_own, "channels:read"),
    "users.info": Method(directory.user_info, "users:read"),
    "users.list": Method(directory.users_list, "users:read"),
    "views.open": Method(views.open_view),
    "views.publish": Method(views.publish),
    "views.push": Method(views.push),
    "views.update": Method(views.update),
}


async def call(request: Request) -> Response:
    """Answers one call of the Web API, or fails as ordered."""
    world: World = request.app.state.world
    name = request.path_params["method"]
    try:
        args = await _arguments(request)
    except Refusal as refusal:
        return _refused(refusal)
    world.state.calls[name] = world.state.calls.get(name, 0) + 1
    fault = world.faults.take(API_FAULTS, name)
    if fault is not None:
        return await _go_wrong(world, request, name, args, fault)
    return _answer(world, request, name, args)


async def _go_wrong(world: World, request: Request, name: str, args: Arguments, fault: Fault) -> Response:
    match fault.kind:
        case "ratelimited":
            return _refused(RateLimited(fault.retry_after))
        case "server_error":
            return Response("Internal Server Error", status_code=500)
        case "refused":
            return _refused(Refusal(fault.error))
        case "drop_before_effect":
            return Dropped()
        case "drop_after_effect":
            _answer(world, request, name, args)
            return Dropped()
        case _:
            await asyncio.sleep(fault.delay_seconds)
            return _answer(world, request, name, args)


def _answer(world: World, request: Request, name: str, args: Arguments) -> Response:
    try:
        method = METHODS.get(name)
        if method is None:
            raise Refusal("unknown_method", req_method=name)
        _authorise(world, request, method, args)
        body = method.answer(world, args)
    except Refusal as refusal:
        return _refused(refusal)
    return JSONResponse({"ok": True, **body}, headers={"x-oauth-scopes": ",".join(world.settings.scopes)})


def _refused(refusal: Refusal) -> Response:
    if isinstance(refusal, RateLimited):
        headers = {"Retry-After": str(refusal.retry_after)}
        return JSONResponse(refusal.body(), status_code=429, headers=headers)
    return JSONResponse(refusal.body())


def _authorise(world: World, request: Request, method: Method, args: Arguments) -> None:
    settings = world.settings
    header = request.headers.get("authorization", "")
    token = header[7:].strip() if header.lower().startswith("bearer ") else str(args.pop("token", ""))
    if not token:
        raise Refusal("not_authed")
    if token not in {settings.bot_token, settings.app_token}:
        raise Refusal("invalid_auth")
    if world.state.trouble:
        raise Refusal(world.state.trouble)
    if (token == settings.app_token) != method.app:
        raise Refusal("not_allowed_token_type")
    if method.scope and method.scope not in settings.scopes:
        raise Refusal("missing_scope", needed=method.scope, provided=",".join(settings.scopes))


async def _arguments(request: Request) -> Arguments:
    """The arguments, from the query, a form or JSON; in a form, nested values are JSON in a string."""
    body = await request.body()
    if request.headers.get("content-type", "").startswith("application/json"):
        try:
            parsed = json.loads(body or b"{}")
        except ValueError as error:
            raise Refusal("invalid_json") from error
        if not isinstance(parsed, dict):
            raise Refusal("json_not_object")
        return {**request.query_params, **parsed}
    pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
    return {key: _unpacked(key, value) for key, value in [*request.query_params.multi_items(), *pairs]}


def _unpacked(key: str, value: str) -> Any:
    if key not in {"blocks", "view", "metadata", "files"}:
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value
