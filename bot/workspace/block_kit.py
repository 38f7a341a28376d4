"""
Block Kit as data: the blocks, elements and views that the bot sends, what each has to hold, what it may hold,
and how much. `pydantic_core` walks it.

A kind that is not here is refused as unknown. One that the bot begins to send is added here, and drawn in
`static/blocks.js` or `static/controls.js`.

Source: Slack's Block Kit reference (docs.slack.dev/reference/block-kit), read 2026-11. The length of all
blocks of a message together is not in it but was measured by users of Slack (slackapi/bolt-js#2509: 13,297
characters in one block, 125 fewer for each block more).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic_core import PydanticCustomError, SchemaValidator, ValidationError
from pydantic_core import core_schema as s

MESSAGE_TEXT_MAX = 40_000
MESSAGE_BLOCKS_MAX = 50
VIEW_BLOCKS_MAX = 100
MESSAGE_BLOCKS_LENGTH_MAX = 13_200
MESSAGE_BLOCK_OVERHEAD = 125
VIEW_BYTES_MAX = 250_000
ID_MAX = 255

Rule = s.CoreSchema
Json = dict[str, Any]


def problems_of_blocks(blocks: object, is_ready: Callable[[str], bool] | None = None) -> list[str]:
    """
    What is wrong with the blocks of a message, each with the place as Slack names it; empty if Slack would
    accept them.

    Args:
        is_ready: whether an uploaded file can be shown yet; without it every file can.

    >>> problems_of_blocks([{"type": "divider"}])
    []
    >>> problems_of_blocks([{"type": "header", "text": {"type": "plain_text", "text": ""}}])
    ['String should have at least 1 character [json-pointer:/blocks/0/text/text]']
    """
    return _problems(_MESSAGE, blocks, "/blocks", is_ready)


def problems_of_view(view: object, is_ready: Callable[[str], bool] | None = None) -> list[str]:
    """The same of a modal or Home."""
    return _problems(_VIEW, view, "/view", is_ready)


def length_of_blocks(blocks: list[Json]) -> int:
    """The number of characters that a message's blocks count towards `MESSAGE_BLOCKS_LENGTH_MAX`."""
    return _text_length(blocks) + MESSAGE_BLOCK_OVERHEAD * max(0, len(blocks) - 1)


def _text_length(node: Any) -> int:
    if isinstance(node, list):
        return sum(map(_text_length, node))
    if isinstance(node, dict):
        own = len(node["text"]) if isinstance(node.get("text"), str) else 0
        return own + sum(_text_length(value) for value in node.values() if not isinstance(value, str))
    return 0


def _problems(rule: SchemaValidator, given: object, place: str, context: object) -> list[str]:
    try:
        rule.validate_python(given, context=context)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        return [f"{one['msg']} [json-pointer:{place}{_pointer(one['loc'])}]" for one in found]
    return []


def _pointer(steps: tuple[int | str, ...]) -> str:
    """The place as Slack names it: pydantic also names the type of each thing on the way."""
    return "".join(f"/{step}" for step in steps if step not in _TYPES)


def _string(most: int, least: int = 1) -> Rule:
    return s.str_schema(min_length=least, max_length=most, strict=True)


def _many(of: Rule, most: int, least: int = 1) -> Rule:
    return s.list_schema(of, min_length=least, max_length=most, strict=True)


def _object(needs: Mapping[str, Rule], may: Mapping[str, Rule] | None = None) -> Rule:
    """What has to be there, what may be, and nothing else."""
    fields = {key: s.typed_dict_field(rule) for key, rule in needs.items()}
    for key, rule in (may or {}).items():
        fields[key] = s.typed_dict_field(s.nullable_schema(rule), required=False)
    return s.typed_dict_schema(fields, extra_behavior="forbid", strict=True)


def _typed(kind: str, needs: Mapping[str, Rule], may: Mapping[str, Rule] | None = None) -> Rule:
    return _object({"type": s.literal_schema([kind]), **needs}, may)


def _one_of(kinds: Mapping[str, Rule]) -> Rule:
    return s.tagged_union_schema(dict(kinds), discriminator="type")


def _plain(most: int) -> Rule:
    return _typed("plain_text", {"text": _string(most)}, {"emoji": _FLAG})


def _mrkdwn(most: int) -> Rule:
    return _typed("mrkdwn", {"text": _string(most)}, {"verbatim": _FLAG})


def _text(most: int) -> Rule:
    return _one_of({"plain_text": _plain(most), "mrkdwn": _mrkdwn(most)})


def _is_ready(file: str, info: s.ValidationInfo) -> str:
    if info.context is not None and not info.context(file):
        raise PydanticCustomError("slack_file", "invalid slack file")
    return file


def _told_apart(blocks: list[Json]) -> list[Json]:
    ids = [block["block_id"] for block in blocks if block.get("block_id")]
    if len(set(ids)) < len(ids):
        raise PydanticCustomError("block_id", "`block_id` already exists")
    for block in blocks:
        actions = [element["action_id"] for element in block.get("elements", ()) if "action_id" in element]
        if len(set(actions)) < len(actions):
            raise PydanticCustomError("action_id", "`action_id` already exists")
    return blocks


def _can_be_sent(modal: Json) -> Json:
    if "submit" not in modal and any(block["type"] == "input" for block in modal["blocks"]):
        raise PydanticCustomError("submit", "missing required field: submit (the view has input blocks)")
    return modal


def _blocks(most: int) -> Rule:
    every = {kind: _typed(kind, needs, {"block_id": _string(ID_MAX), **may}) for kind, needs, may in _BLOCKS}
    return s.no_info_after_validator_function(_told_apart, _many(_one_of(every), most, 0))


_FLAG = s.bool_schema(strict=True)
_STYLE = s.literal_schema(["primary", "danger"])
_URL = s.str_schema(min_length=1, max_length=3_000, pattern=r"^https?://\S+$", strict=True)
_OPTION = {"text": _plain(75), "value": _string(150)}
_CONFIRM = _object(
    {"title": _plain(100), "text": _text(300), "confirm": _plain(30), "deny": _plain(30)}, {"style": _STYLE}
)
_FILE = s.with_info_after_validator_function(_is_ready, _string(ID_MAX))
_IMAGE = {"slack_file": _object({"id": _FILE}), "alt_text": _string(2_000)}
_ACTION = {"action_id": _string(ID_MAX)}
"""Slack makes one up where it is missing; the bot tells presses apart by it, so it has to be there."""
_PLACEHOLDER = {"placeholder": _plain(150)}

_BUTTON = _typed(
    "button",
    {"text": _plain(75), **_ACTION},
    {"value": _string(2_000), "url": _URL, "style": _STYLE, "confirm": _CONFIRM},
)
_OVERFLOW = _typed("overflow", {"options": _many(_object(_OPTION), 5), **_ACTION}, {"confirm": _CONFIRM})
_PRESSED = {"button": _BUTTON, "overflow": _OVERFLOW}
_FILLED_IN = {
    "static_select": _typed(
        "static_select",
        {"options": _many(_object(_OPTION), 100), **_ACTION},
        {"initial_option": _object(_OPTION), **_PLACEHOLDER},
    ),
    "users_select": _typed("users_select", _ACTION, {"initial_user": _string(ID_MAX), **_PLACEHOLDER}),
    "plain_text_input": _typed(
        "plain_text_input",
        _ACTION,
        {
            "initial_value": _string(3_000),
            "multiline": _FLAG,
            "min_length": s.int_schema(ge=0, le=3_000, strict=True),
            "max_length": s.int_schema(ge=1, le=3_000, strict=True),
            **_PLACEHOLDER,
        },
    ),
}

_BLOCKS: tuple[tuple[str, Mapping[str, Rule], Mapping[str, Rule]], ...] = (
    ("section", {"text": _text(3_000)}, {"accessory": _one_of(_PRESSED)}),
    ("header", {"text": _plain(150)}, {}),
    ("divider", {}, {}),
    ("context", {"elements": _many(_text(3_000), 10)}, {}),
    ("actions", {"elements": _many(_one_of(_PRESSED), 25)}, {}),
    ("image", _IMAGE, {"title": _plain(2_000)}),
    (
        "input",
        {"label": _plain(2_000), "element": _one_of(_FILLED_IN)},
        {"hint": _plain(2_000), "optional": _FLAG},
    ),
)
"""Kind, what it has to hold, what it may hold."""

_OF_ANY_VIEW = {"private_metadata": _string(3_000, 0), "callback_id": _string(ID_MAX, 0)}
_VIEWS = {
    "modal": s.no_info_after_validator_function(
        _can_be_sent,
        _typed(
            "modal",
            {"title": _plain(24), "blocks": _blocks(VIEW_BLOCKS_MAX)},
            {**_OF_ANY_VIEW, "submit": _plain(24), "close": _plain(24)},
        ),
    ),
    "home": _typed("home", {"blocks": _blocks(VIEW_BLOCKS_MAX)}, _OF_ANY_VIEW),
}
_TYPES = {*_VIEWS, *_PRESSED, *_FILLED_IN, "plain_text", "mrkdwn", *(kind for kind, _, _ in _BLOCKS)}
_MESSAGE = SchemaValidator(_blocks(MESSAGE_BLOCKS_MAX))
_VIEW = SchemaValidator(_one_of(_VIEWS))
