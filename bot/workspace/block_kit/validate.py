"""
Walks blocks and views along the table in `reference.py` and names what Slack would not accept.

Each problem is a sentence and a JSON pointer, the way Slack puts them into `response_metadata.messages`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any, assert_never

from bot.workspace.block_kit import limits, reference
from bot.workspace.block_kit.rich_text import RICH_TEXT
from bot.workspace.block_kit.shape import (
    Child,
    Choice,
    Date,
    Flag,
    Many,
    Number,
    Rule,
    Shape,
    String,
    Surface,
    Text,
)


@dataclass
class _Walk:
    surface: Surface
    problems: list[str] = field(default_factory=list)
    block_ids: set[str] = field(default_factory=set)
    action_ids: set[str] = field(default_factory=set)
    texts: list[int] = field(default_factory=list)

    def say(self, problem: str, pointer: str) -> None:
        self.problems.append(f"{problem} [json-pointer:{pointer}]")


def problems_of_blocks(blocks: Any, surface: Surface = "message") -> list[str]:
    """
    What is wrong with `blocks` on a surface; empty if Slack would accept them.

    >>> problems_of_blocks([{"type": "divider"}])
    []
    >>> problems_of_blocks([{"type": "blink"}])
    ['unsupported type: blink [json-pointer:/blocks/0/type]']
    """
    walk = _Walk(surface)
    most = limits.MESSAGE_BLOCKS_MAX if surface == "message" else limits.VIEW_BLOCKS_MAX
    _walk_rule(walk, Many(Child(tuple(reference.BLOCKS)), most, 0), blocks, "/blocks")
    return walk.problems


def problems_of_view(view: Any) -> list[str]:
    """What is wrong with a modal or Home; empty if Slack would accept it."""
    if not isinstance(view, dict):
        return ["must be an object [json-pointer:/view]"]
    kind = view.get("type")
    if kind != "modal" and kind != "home":  # noqa: PLR1714 - spelled out, mypy narrows it
        return [f"unsupported type: {kind} [json-pointer:/view/type]"]
    walk = _Walk(kind)
    _walk_shape(walk, reference.VIEWS[kind], view, "/view")
    blocks = view.get("blocks")
    asks = isinstance(blocks, list) and any(isinstance(b, dict) and b.get("type") == "input" for b in blocks)
    if kind == "modal" and asks and "submit" not in view:
        walk.say("missing required field: submit (the view has input blocks)", "/view")
    return walk.problems


def length_of_blocks(blocks: list[dict[str, Any]]) -> int:
    """The number of characters that a message's blocks count towards `MESSAGE_BLOCKS_LENGTH_MAX`."""
    return _text_length(blocks) + limits.MESSAGE_BLOCK_OVERHEAD * max(0, len(blocks) - 1)


def markdown_length(blocks: list[dict[str, Any]]) -> int:
    """Characters of all markdown blocks of a message together."""
    return sum(len(block["text"]) for block in blocks if block.get("type") == "markdown")


def view_bytes(view: dict[str, Any]) -> int:
    """How large a view is on the wire, in bytes."""
    return len(json.dumps(view, ensure_ascii=False).encode())


def _text_length(node: Any) -> int:
    if isinstance(node, list):
        return sum(_text_length(item) for item in node)
    if isinstance(node, dict):
        own = len(node["text"]) if isinstance(node.get("text"), str) else 0
        return own + sum(_text_length(value) for value in node.values() if not isinstance(value, str))
    return 0


def _walk_shape(walk: _Walk, shape: Shape, value: Any, pointer: str) -> None:
    if not isinstance(value, dict):
        walk.say("must be an object", pointer)
        return
    rules = {**shape.required, **shape.optional}
    for key in value:
        if key not in rules and not (shape.typed and key == "type"):
            walk.say(f"invalid additional property: {key}", pointer)
    for key in shape.required:
        if value.get(key) is None:
            walk.say(f"missing required field: {key}", pointer)
    for group in shape.one_of:
        if not any(value.get(key) is not None for key in group):
            walk.say(f"missing required field: {' or '.join(group)}", pointer)
    for key, rule in rules.items():
        if value.get(key) is not None:
            _walk_rule(walk, rule, value[key], f"{pointer}/{key}")


def _walk_rule(walk: _Walk, rule: Rule, value: Any, pointer: str) -> None:
    match rule:
        case String():
            _walk_string(walk, rule, value, pointer)
        case Text():
            _walk_text(walk, rule, value, pointer)
        case Flag():
            if not isinstance(value, bool):
                walk.say("must be true or false", pointer)
        case Number(minimum=minimum, maximum=maximum):
            if not isinstance(value, int) or isinstance(value, bool) or not minimum <= value <= maximum:
                walk.say(f"must be a whole number from {minimum} to {maximum}", pointer)
        case Choice(words=words):
            if value not in words:
                walk.say(f"must be one of: {', '.join(words)}", pointer)
        case Date():
            if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
                walk.say("must be a date as YYYY-MM-DD", pointer)
        case Child(kinds=kinds):
            _walk_child(walk, kinds, value, pointer)
        case Many():
            _walk_many(walk, rule, value, pointer)
        case _:
            assert_never(rule)


def _walk_string(walk: _Walk, rule: String, value: Any, pointer: str) -> None:
    if not isinstance(value, str):
        walk.say("must be a string", pointer)
        return
    if len(value) > rule.maximum:
        walk.say(f"must be less than {rule.maximum + 1} characters", pointer)
    if len(value) < rule.minimum:
        walk.say(f"must be more than {rule.minimum - 1} characters", pointer)
    if rule.url and not re.match(r"https?://\S+$", value):
        walk.say("must be a valid URL", pointer)
    if rule.unique:
        seen = walk.block_ids if rule.unique == "block_id" else walk.action_ids
        if value in seen:
            walk.say(f"`{rule.unique}` already exists: {value}", pointer)
        seen.add(value)


def _walk_text(walk: _Walk, rule: Text, value: Any, pointer: str) -> None:
    if not isinstance(value, dict) or value.get("type") not in rule.kinds:
        walk.say(f"must be a text object of type {' or '.join(rule.kinds)}", pointer)
        return
    shape = reference.OBJECTS[value["type"]]
    sized = Shape({**shape.required, "text": String(rule.maximum)}, shape.optional)
    _walk_shape(walk, sized, value, pointer)


def _walk_child(walk: _Walk, kinds: tuple[str, ...], value: Any, pointer: str) -> None:
    if not isinstance(value, dict):
        walk.say("must be an object", pointer)
        return
    if len(kinds) == 1 and kinds[0] in reference.OBJECTS and not reference.OBJECTS[kinds[0]].typed:
        _walk_shape(walk, reference.OBJECTS[kinds[0]], value, pointer)
        return
    kind = value.get("type")
    if kind is None:
        walk.say("missing required field: type", pointer)
    elif kind not in kinds:
        walk.say(f"unsupported type: {kind}", f"{pointer}/type")
    else:
        _walk_shape(walk, _shape_of(kind, is_block="section" in kinds), value, pointer)
        if "section" in kinds:
            _check_surface(walk, kind, pointer)
            walk.action_ids.clear()  # Slack wants action ids unique within their block


def _shape_of(kind: str, *, is_block: bool) -> Shape:
    tables = [reference.BLOCKS] if is_block else [reference.ELEMENTS, RICH_TEXT, reference.OBJECTS]
    return next(table[kind] for table in tables if kind in table)


def _check_surface(walk: _Walk, kind: str, pointer: str) -> None:
    if walk.surface not in reference.BLOCKS[kind].surfaces:
        walk.say(f"{kind} is not allowed on this surface: {walk.surface}", f"{pointer}/type")


def _walk_many(walk: _Walk, rule: Many, value: Any, pointer: str) -> None:
    if not isinstance(value, list):
        walk.say("must be an array", pointer)
        return
    if len(value) > rule.maximum:
        walk.say(f"no more than {rule.maximum} items allowed", pointer)
    if len(value) < rule.minimum:
        walk.say(f"no less than {rule.minimum} items allowed", pointer)
    for index, item in enumerate(value):
        _walk_rule(walk, rule.of, item, f"{pointer}/{index}")
