"""Files, in the three steps in which Slack accepts them: ask for an address, send the bytes, complete."""

from __future__ import annotations

import json
import mimetypes
import time
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from bot.workspace.refusal import Refusal
from bot.workspace.state import State
from bot.workspace.world import World

Json = dict[str, Any]
READY_SECONDS = 0.3
"""How long an uploaded file is not ready to be shown in a message: Slack looks at it for a moment first."""

_SHOWN_INLINE = {"image/png", "image/jpeg", "image/gif", "image/webp"}


def get_upload_url(world: World, args: Json) -> Json:
    name, file_id = str(args["filename"]), world.state.next_id("F")
    mimetype = mimetypes.guess_type(name)[0] or "application/octet-stream"
    world.state.save_file({"id": file_id, "name": name, "mimetype": mimetype, "completed": None})
    return {"upload_url": f"{world.url}/upload/{file_id}", "file_id": file_id}


def complete_upload(world: World, args: Json) -> Json:
    """Completes files: from now on, or soon, they can be shown as `slack_file`."""
    ids = [item["id"] for item in json.loads(args["files"])]
    if any(world.state.store.file(file_id) is None for file_id in ids):
        raise Refusal("file_not_found")
    for file_id in ids:
        world.state.save_file({**world.state.files[file_id], "completed": time.time()})
    return {"files": [world.state.files[file_id] for file_id in ids]}


def is_ready(state: State) -> Callable[[str], bool]:
    """Whether a file can be shown."""

    def ready(file_id: str) -> bool:
        completed = state.files.get(file_id, {}).get("completed")
        return completed is not None and time.time() >= completed + READY_SECONDS

    return ready


async def upload(request: Request) -> Response:
    """Takes the bytes that are sent to an upload address."""
    world: World = request.app.state.world
    file_id = request.path_params["file_id"]
    if file_id not in world.state.files:
        return PlainTextResponse("There is no such file.", 404)
    world.state.store.put_file(file_id, await request.body())
    return PlainTextResponse("OK")


async def show(request: Request) -> Response:
    """A file, for a browser."""
    world: World = request.app.state.world
    file_id = request.path_params["file_id"]
    body = world.state.store.file(file_id)
    if body is None:
        return PlainTextResponse("There is no such file.", 404)
    mimetype = world.state.files[file_id]["mimetype"]
    if mimetype in _SHOWN_INLINE:
        return Response(body, media_type=mimetype, headers={"X-Content-Type-Options": "nosniff"})
    # Anything but a picture may only be saved: a page in a file must not run here.
    return Response(
        body, headers={"Content-Disposition": "attachment"}, media_type="application/octet-stream"
    )
