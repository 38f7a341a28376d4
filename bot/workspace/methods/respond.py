"""`response_url`: how the app answers an interaction later, five times in thirty minutes."""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from bot.workspace import people
from bot.workspace.errors import Refusal
from bot.workspace.methods.chat import edit, wanted_thread
from bot.workspace.methods.checks import wanted_blocks, wanted_text
from bot.workspace.state import RESPONSE_URL_USES, Message, ResponseUrl
from bot.workspace.world import World


def url_of(world: World, key: str) -> str:
    return f"http://{world.address}/respond/{key}"


async def respond(request: Request) -> Response:
    world: World = request.app.state.world
    try:
        place = _spend(world, request.path_params["key"])
        body = json.loads(await request.body())
        if not isinstance(body, dict):
            raise Refusal("invalid_payload")
        say(world, place, body)
    except ValueError:
        return JSONResponse(Refusal("invalid_payload").body(), status_code=400)
    except Refusal as refusal:
        return JSONResponse(refusal.body(), status_code=404 if refusal.code.endswith("_url") else 400)
    return PlainTextResponse("ok")


def _spend(world: World, key: str) -> ResponseUrl:
    place = world.state.response_urls.get(key)
    if place is None:
        raise Refusal("invalid_url")
    if world.state.now() > place.until:
        raise Refusal("expired_url")
    if place.uses >= RESPONSE_URL_USES:
        raise Refusal("used_url")
    place.uses += 1
    return place


def say(world: World, place: ResponseUrl, body: dict[str, Any]) -> None:
    """Does what an answer says: posts a new message, for one or for all, or replaces or deletes another."""
    original = world.state.messages.get(f"{place.channel}/{place.message_ts}")
    if original is not None and not original.deleted and body.get("delete_original"):
        original.deleted = True
        world.show(original)
        return
    text = wanted_text(body)
    ts = world.state.next_ts()
    replaces = original is not None and not original.deleted and bool(body.get("replace_original"))
    blocks = wanted_blocks(world, body, original.key if replaces and original else f"{place.channel}/{ts}")
    if not text and not blocks:
        raise Refusal("no_text")
    if replaces and original is not None:
        edit(world, original, text, blocks)
        return
    message = Message(place.channel, ts, people.BOT_USER, text, blocks)
    message.thread_ts = wanted_thread(world, place.channel, body.get("thread_ts"))
    message.only_for = None if body.get("response_type") == "in_channel" else place.user
    world.show(message)
