"""What a browser requests: the page, its initial content, what changes, and files."""

from __future__ import annotations

import asyncio
import urllib.error
import urllib.request
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.websockets import WebSocket

from bot.workspace import people
from bot.workspace.errors import Refusal
from bot.workspace.methods.files import FILE_BYTES_MAX, take_bytes
from bot.workspace.world import World

STATIC = Path(__file__).parent / "static"
_FIRST_VIEW_TRIES = 30
_SHOWN_INLINE = {"image/png", "image/jpeg", "image/gif", "image/webp"}
_notices: set[asyncio.Task[None]] = set()


async def index(request: Request) -> Response:
    world: World = request.app.state.world
    settings, store = world.settings, world.state.store
    if settings.on_first_view_url and settings.first_view not in store.all("first_view"):
        store.put("first_view", settings.first_view, {})
        task = asyncio.create_task(_tell_first_view(settings.on_first_view_url))
        _notices.add(task)
        task.add_done_callback(_notices.discard)
    return FileResponse(STATIC / "index.html", headers={"Cache-Control": "no-store"})


async def _tell_first_view(url: str) -> None:
    # The server that waits for this call may still be starting.
    for _ in range(_FIRST_VIEW_TRIES):
        if await asyncio.to_thread(_post_nothing, url):
            return
        await asyncio.sleep(1.0)


def _post_nothing(url: str) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        opener.open(urllib.request.Request(url, b"", method="POST"), timeout=5.0).close()  # noqa: S310
    except urllib.error.HTTPError as answered:
        return answered.code < 500
    except OSError:
        return False
    return True


async def everything(request: Request) -> Response:
    """Everything one person sees, for a page that has just opened."""
    world: World = request.app.state.world
    user = request.query_params.get("user") or "U-oncall"
    if not world.is_person(user):
        return JSONResponse({"error": f"There is no person {user!r}."}, status_code=404)
    state = world.state
    seen = [m for m in state.messages.values() if m.only_for in {None, user} and not m.deleted]
    home = state.homes.get(user)
    return JSONResponse(
        {
            "team": people.TEAM_NAME,
            "app": {"id": people.APP_ID, "user": people.BOT_USER, "name": people.BOT_NAME},
            "users": state.users,
            "groups": state.groups,
            "channels": state.channels,
            "messages": [world.for_browser(message) for message in seen],
            "views": [world.view_for_browser(view) for view in state.stack_of(user)],
            "home": world.view_for_browser(home) if home else None,
        }
    )


async def live(request: Request) -> Response:
    world: World = request.app.state.world
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(world.live.stream(), media_type="text/event-stream", headers=headers)


async def show_file(request: Request) -> Response:
    world: World = request.app.state.world
    file_id = request.path_params["file_id"]
    body = world.state.store.file(file_id)
    if body is None:
        return PlainTextResponse("There is no such file.", status_code=404)
    mimetype = world.state.files[file_id]["mimetype"]
    # Anything but a picture may only be saved: a page in a file must not run here.
    inline = mimetype in _SHOWN_INLINE
    headers = {"X-Content-Type-Options": "nosniff"} | (
        {} if inline else {"Content-Disposition": "attachment"}
    )
    return Response(body, media_type=mimetype if inline else "application/octet-stream", headers=headers)


async def upload(request: Request) -> Response:
    world: World = request.app.state.world
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > FILE_BYTES_MAX:
            return PlainTextResponse("The file is too large.", status_code=413)
    try:
        return PlainTextResponse(take_bytes(world, request.path_params["file_id"], bytes(body)))
    except Refusal as refusal:
        return PlainTextResponse(refusal.code, status_code=404 if refusal.code == "file_not_found" else 400)


async def link(socket: WebSocket) -> None:
    world: World = socket.app.state.world
    await world.sockets.serve(socket)
