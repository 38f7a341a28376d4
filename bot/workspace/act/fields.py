"""What a person can fill in: the values a field starts with, and the JSON in which Slack passes them on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]

_CHOICES = {"static_select", "radio_buttons", "overflow"}
_MANY = {"multi_static_select", "checkboxes"}
KEEPS_NOTHING = {"button", "overflow", "image", "plain_text", "mrkdwn"}


class BadValue(ValueError):
    """Something that could not be typed or chosen in that field."""


def elements(blocks: list[Json]) -> Iterator[tuple[Json, Json]]:
    """Every interactive element with the block it is in."""
    for block in blocks:
        inside = [block[key] for key in ("accessory", "element") if key in block]
        if block["type"] == "actions":
            inside = block["elements"]
        yield from ((block, element) for element in inside if "action_id" in element)


def first_values(blocks: list[Json]) -> Json:
    """`state.values` of a view that nobody has touched."""
    values: Json = {}
    for block, element in elements(blocks):
        if element["type"] not in KEEPS_NOTHING:
            values.setdefault(block["block_id"], {})[element["action_id"]] = _first(element)
    return values


def kept_values(blocks: list[Json], given: Json) -> Json:
    """`state.values` when some fields were touched: the given values, for the fields that are there."""
    return {
        block: {action: given.get(block, {}).get(action, value) for action, value in actions.items()}
        for block, actions in first_values(blocks).items()
    }


def _first(element: Json) -> Json:
    kind = element["type"]
    if kind in _MANY:
        return {"type": kind, "selected_options": element.get("initial_options", [])}
    if kind in _CHOICES:
        return {"type": kind, "selected_option": element.get("initial_option")}
    if kind == "users_select":
        return {"type": kind, "selected_user": element.get("initial_user")}
    if kind == "datepicker":
        return {"type": kind, "selected_date": element.get("initial_date")}
    return {"type": kind, "value": element.get("initial_value")}


def entered(element: Json, value: Any) -> Json:
    """
    The state entry for what was typed or chosen: an option is named by its value, several by a list.

    Raises:
        BadValue: an option that is not offered.
    """
    kind = element["type"]
    if kind == "button":
        return {"type": kind, **({"value": element["value"]} if "value" in element else {})}
    if kind in _MANY:
        names = value if isinstance(value, list) else [value]
        return {"type": kind, "selected_options": [_option(element, name) for name in names]}
    if kind in _CHOICES:
        return {"type": kind, "selected_option": None if value is None else _option(element, value)}
    key = {"users_select": "selected_user", "datepicker": "selected_date"}.get(kind, "value")
    return {"type": kind, key: None if value in (None, "") else str(value)}


def _option(element: Json, value: Any) -> Json:
    groups = [group["options"] for group in element.get("option_groups", [])]
    offered: list[Json] = [option for options in [element.get("options", []), *groups] for option in options]
    for option in offered:
        if option["value"] == value:
            return option
    names = ", ".join(option["value"] for option in offered)
    raise BadValue(f"{value!r} is not offered here; there are: {names}.")


def missing(blocks: list[Json], values: Json) -> dict[str, str]:
    """
    What the form itself would reject: required fields left empty, texts too short or too long, numbers
    out of range. Keyed by block id, like `response_action: errors`.
    """
    errors = {}
    for block, element in elements(blocks):
        if block["type"] != "input":
            continue
        entry = values.get(block["block_id"], {}).get(element["action_id"], {})
        given = next((value for key, value in entry.items() if key != "type"), None)
        problem = _problem(element, given) if given not in (None, "", []) else None
        if given in (None, "", []) and not block.get("optional"):
            problem = "Please complete this required field."
        if problem:
            errors[block["block_id"]] = problem
    return errors


def _problem(element: Json, given: Any) -> str | None:
    if element["type"] == "plain_text_input":
        shortest, longest = element.get("min_length", 0), element.get("max_length", 3_000)
        if len(given) < shortest:
            return f"Please enter at least {shortest} characters."
        if len(given) > longest:
            return f"Please enter at most {longest} characters."
    if element["type"] == "number_input":
        return _number_problem(element, given)
    return None


def _number_problem(element: Json, given: str) -> str | None:
    try:
        number = float(given) if element["is_decimal_allowed"] else int(given)
    except ValueError:
        return "Please enter a number." if element["is_decimal_allowed"] else "Please enter a whole number."
    if "min_value" in element and number < float(element["min_value"]):
        return f"Please enter a number of at least {element['min_value']}."
    if "max_value" in element and number > float(element["max_value"]):
        return f"Please enter a number of at most {element['max_value']}."
    return None
