"""What a browser requests: the page, its initial content, and what changes."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

import httpx
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse

from bot.workspace import people
from bot.workspace.render import view_json
from bot.workspace.world import World

STATIC = Path(__file__).parent / "static"
FIRST_VIEW_TRIES, FIRST_VIEW_PAUSE_SECONDS = 300, 1.0
_NOT_KEPT = {"Cache-Control": "no-store"}
_POLICY = "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'"


async def index(request: Request) -> Response:
    world: World = request.app.state.world
    settings, store = world.settings, world.state.store
    viewed = None
    if settings.on_first_view_url and settings.first_view not in store.all("first_view"):
        store.put("first_view", settings.first_view, {})
        viewed = BackgroundTask(_report_first_view, world.http, settings.on_first_view_url)
    headers = {**_NOT_KEPT, "Content-Security-Policy": _POLICY, "Referrer-Policy": "no-referrer"}
    return FileResponse(STATIC / "index.html", headers=headers, background=viewed)


async def _report_first_view(http: httpx.AsyncClient, url: str) -> None:
    # What waits for this may still be starting.
    for _ in range(FIRST_VIEW_TRIES):
        with suppress(httpx.TransportError):
            if not (await http.post(url, json={"on": True})).is_server_error:
                return
        await asyncio.sleep(FIRST_VIEW_PAUSE_SECONDS)


async def everything(request: Request) -> Response:
    """Everything one person sees, for a page that has just opened."""
    world: World = request.app.state.world
    user = request.query_params["user"]
    state = world.state
    if not state.is_person(user):
        return JSONResponse({"error": f"There is no person {user!r}."}, 404)
    seen = [m for m in state.messages.values() if m.only_for in {None, user} and not m.deleted]
    home = state.homes.get(user)
    return JSONResponse(
        {
            "team": people.TEAM_NAME,
            "app": people.BOT_NAME,
            "users": state.users,
            "groups": state.groups,
            "channels": state.channels,
            "messages": [world.for_browser(message) for message in seen],
            "views": world.views_of(user),
            "home": view_json(home) if home else None,
        }
    )


async def live(request: Request) -> Response:
    world: World = request.app.state.world
    return StreamingResponse(world.live.stream(), media_type="text/event-stream", headers=_NOT_KEPT)
