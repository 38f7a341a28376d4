"""Files, in the three steps in which Slack accepts them: ask for an address, send the bytes, share."""

from __future__ import annotations

import mimetypes
from typing import Any

from bot.workspace import people
from bot.workspace.errors import Refusal
from bot.workspace.methods.chat import wanted_thread
from bot.workspace.methods.checks import Arguments, wanted_channel, wanted_text
from bot.workspace.state import Message
from bot.workspace.world import World

FILE_BYTES_MAX = 50_000_000


def get_upload_url(world: World, args: Arguments) -> dict[str, Any]:
    name = str(args.get("filename") or "")
    try:
        length = int(args.get("length") or 0)
    except ValueError as error:
        raise Refusal("invalid_arguments") from error
    if not name or length <= 0:
        raise Refusal("invalid_arguments")
    if length > FILE_BYTES_MAX:
        raise Refusal("file_upload_size_restricted")
    file_id = world.state.next_id("F")
    world.state.save_file(
        {
            "id": file_id,
            "name": name,
            "title": name,
            "size": length,
            "user": people.BOT_USER,
            "created": int(world.state.now()),
            "completed": None,
            "mimetype": mimetypes.guess_type(name)[0] or "application/octet-stream",
            "filetype": name.rpartition(".")[2].lower(),
            "alt_txt": str(args.get("alt_txt") or ""),
            "url_private": f"http://{world.address}/files/{file_id}",
            "permalink": f"http://{world.address}/files/{file_id}",
        }
    )
    return {"upload_url": f"http://{world.address}/upload/{file_id}", "file_id": file_id}


def take_bytes(world: World, file_id: str, body: bytes) -> str:
    """
    Stores what was sent to an upload address.

    Raises:
        Refusal: there is no such address, or the number of bytes is not the one announced.
    """
    file = world.state.files.get(file_id)
    if file is None:
        raise Refusal("file_not_found")
    if len(body) != file["size"]:
        raise Refusal("incorrect_length")
    world.state.save_file(file, body)
    return f"OK - {len(body)}"


def complete_upload(world: World, args: Arguments) -> dict[str, Any]:
    """Shares files into a channel as one message; without a channel they can be shown as `slack_file`."""
    wanted = args.get("files")
    if not isinstance(wanted, list) or not wanted or not all(isinstance(item, dict) for item in wanted):
        raise Refusal("invalid_arguments")
    ids = [str(item.get("id")) for item in wanted]
    if any(world.state.store.file(file_id) is None for file_id in ids):
        raise Refusal("file_not_found")
    for item in wanted:
        title = str(item.get("title") or world.state.files[item["id"]]["name"])
        completed = {"title": title, "completed": world.state.now()}
        world.state.save_file({**world.state.files[item["id"]], **completed})
    if args.get("channel_id"):
        _share(world, args, ids)
    return {"files": [world.state.files[file_id] for file_id in ids]}


def _share(world: World, args: Arguments, ids: list[str]) -> None:
    channel = wanted_channel(world, {"channel": args["channel_id"]})
    text = wanted_text({"text": args.get("initial_comment")})
    thread = wanted_thread(world, channel, args.get("thread_ts"))
    message = Message(channel, world.state.next_ts(), people.BOT_USER, text, thread_ts=thread, files=ids)
    world.show(message)
