"""Checks shared by several Web API methods: does the channel exist, would Slack accept these blocks."""

from __future__ import annotations

import re
from typing import Any

from bot.workspace.block_kit import limits, validate
from bot.workspace.block_kit.reach import unreachable_images
from bot.workspace.errors import Refusal, refuse_shapes
from bot.workspace.people import direct_id
from bot.workspace.render import with_ids
from bot.workspace.state import Message
from bot.workspace.world import World

Arguments = dict[str, Any]


def wanted_channel(world: World, args: Arguments) -> str:
    """The id of the channel that `channel` names, by id, by `#name`, or by a person's id."""
    named = str(args.get("channel", ""))
    channels = world.state.channels
    if world.is_person(named):
        return direct_id(named)
    by_name = {
        channel.get("name"): channel_id for channel_id, channel in channels.items() if "name" in channel
    }
    found = named if named in channels else by_name.get(named.removeprefix("#"))
    if found is None:
        raise Refusal("channel_not_found")
    return found


def writable_channel(world: World, args: Arguments) -> str:
    """The same, if the app may write to it."""
    found = wanted_channel(world, args)
    if world.state.channels[found].get("is_archived"):
        raise Refusal("is_archived")
    return member_channel(world, args)


def member_channel(world: World, args: Arguments) -> str:
    """The same, if the app is a member of it."""
    found = wanted_channel(world, args)
    if not world.state.channels[found].get("is_member", True):
        raise Refusal("not_in_channel")
    return found


def wanted_message(world: World, channel: str, ts: object) -> Message:
    message = world.state.find(channel, str(ts))
    if message is None or message.only_for:
        raise Refusal("message_not_found")
    return message


def wanted_text(args: Arguments) -> str:
    text = args.get("text")
    text = "" if text is None else str(text)
    if len(text) > limits.MESSAGE_TEXT_MAX:
        raise Refusal("msg_too_long")
    return text


def wanted_blocks(world: World, args: Arguments, seed: str) -> list[dict[str, Any]] | None:
    """
    The message's blocks with ids filled in; None when none were given.

    Raises:
        Refusal: `invalid_blocks_format`, `invalid_blocks` with the place of every problem, or
                `msg_blocks_too_long`.
    """
    blocks = args.get("blocks")
    if blocks is None or blocks in ("", []):
        return None
    if not isinstance(blocks, list):
        raise Refusal("invalid_blocks_format")
    problems = validate.problems_of_blocks(blocks)
    problems += unseen_pictures(world, blocks, "/blocks")
    if problems:
        raise refuse_shapes("invalid_blocks", problems)
    too_long = validate.length_of_blocks(blocks) > limits.MESSAGE_BLOCKS_LENGTH_MAX
    if too_long or validate.markdown_length(blocks) > limits.MARKDOWN_LENGTH_MAX:
        raise Refusal("msg_blocks_too_long")
    return with_ids(blocks, seed)


def unseen_pictures(world: World, node: Any, pointer: str) -> list[str]:
    """Problems for each picture that Slack could not show: an address beyond its reach, a file not ready."""
    return unreachable_images(node, pointer) + _unknown_files(world, node, pointer)


def _unknown_files(world: World, node: Any, pointer: str) -> list[str]:
    if isinstance(node, list):
        return [
            p for index, item in enumerate(node) for p in _unknown_files(world, item, f"{pointer}/{index}")
        ]
    if not isinstance(node, dict):
        return []
    problems = [p for key, value in node.items() for p in _unknown_files(world, value, f"{pointer}/{key}")]
    file = node.get("slack_file")
    if isinstance(file, dict) and "url" not in file and not _is_ready(world, str(file.get("id"))):
        problems.append(f"invalid slack file [json-pointer:{pointer}/slack_file]")
    return problems


def _is_ready(world: World, file_id: str) -> bool:
    """Whether a file can be shown: Slack takes a moment to process it after its upload is complete."""
    completed = world.state.files.get(file_id, {}).get("completed")
    return completed is not None and world.state.now() >= completed + world.settings.file_seconds


def wanted_metadata(args: Arguments) -> dict[str, Any] | None:
    """Message metadata: an `event_type` of letters, digits, `_`, `-`, and a payload."""
    metadata = args.get("metadata")
    if metadata in (None, "", {}):
        return None
    if not isinstance(metadata, dict) or not isinstance(metadata.get("event_payload"), dict):
        raise Refusal("invalid_metadata_format")
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,255}", str(metadata.get("event_type", ""))):
        raise Refusal("invalid_metadata_format")
    return {"event_type": metadata["event_type"], "event_payload": metadata["event_payload"]}


def flag(args: Arguments, name: str) -> bool:
    """A boolean argument, however the form spelled it."""
    return str(args.get(name, "")).lower() in {"1", "true", "t"}


def count(args: Arguments, name: str, default: int, maximum: int) -> int:
    try:
        return max(1, min(int(args.get(name) or default), maximum))
    except ValueError as error:
        raise Refusal(f"invalid_{name}") from error
