"""What a person can fill in: the values a field starts with, and the JSON in which Slack passes them on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bot.workspace.state import CannotBeDone

Json = dict[str, Any]
KEYS = {
    "overflow": "selected_option",
    "static_select": "selected_option",
    "users_select": "selected_user",
    "plain_text_input": "value",
}
"""Where the state entry of each kind of field holds what was typed or chosen."""

_STARTS_WITH = {
    "static_select": "initial_option",
    "users_select": "initial_user",
    "plain_text_input": "initial_value",
}


def elements(blocks: list[Json]) -> Iterator[tuple[Json, Json]]:
    """Every interactive element with the block it is in."""
    for block in blocks:
        inside = [block[key] for key in ("accessory", "element") if key in block]
        inside += block["elements"] if block["type"] == "actions" else []
        yield from ((block, element) for element in inside)


def first_values(blocks: list[Json]) -> Json:
    """`state.values` of a view that nobody has touched."""
    values: Json = {}
    for block, element in elements(blocks):
        if first := _STARTS_WITH.get(element["type"]):
            entry = {"type": element["type"], KEYS[element["type"]]: element.get(first)}
            values.setdefault(block["block_id"], {})[element["action_id"]] = entry
    return values


def entered(element: Json, value: Any) -> Json:
    """
    The state entry for what was pressed, typed or chosen; an option is named by its value.

    Raises:
        CannotBeDone: an option that is not offered.
    """
    kind = element["type"]
    if kind == "button":
        return {"type": kind, **({"value": element["value"]} if "value" in element else {})}
    if value is not None and "options" in element:
        return {"type": kind, KEYS[kind]: _option(element, value)}
    return {"type": kind, KEYS[kind]: value or None}


def _option(element: Json, value: Any) -> Json:
    offered = {option["value"]: option for option in element["options"]}
    if value not in offered:
        raise CannotBeDone(f"{value!r} is not offered here; there are: {', '.join(offered)}.")
    return dict(offered[value])


def rejected(blocks: list[Json], values: Json) -> dict[str, str]:
    """
    What the form itself would reject: required fields left empty, texts too short or too long. Keyed by
    block id, like `response_action: errors`.
    """
    found = {block["block_id"]: _problem(block, element, values) for block, element in elements(blocks)}
    return {block_id: problem for block_id, problem in found.items() if problem}


def _problem(block: Json, element: Json, values: Json) -> str:
    if block["type"] != "input":
        return ""
    given = values[block["block_id"]][element["action_id"]][KEYS[element["type"]]]
    if not given:
        return "" if block.get("optional") else "Please complete this required field."
    shortest, longest = element.get("min_length", 0), element.get("max_length", 3_000)
    if element["type"] == "plain_text_input" and not shortest <= len(given) <= longest:
        return f"Please enter {shortest} to {longest} characters."
    return ""
