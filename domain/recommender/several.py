"""Columns that hold several values in a row, such as the genres of a film, and what separates these."""

from __future__ import annotations

import json

JSON_LIST = "[]"
"""The separator of a text that is a JSON list."""

LISTED = "\N{SYMBOL FOR UNIT SEPARATOR}"
"""The separator for a list column once it is read as text; nobody types this character."""


def several(text: str, separator: str) -> list[str]:
    """
    The distinct values in `text`, in order; an empty one where a value is empty, and the text itself where it
    is not a JSON list.

    >>> several("Drama| Crime|Drama", "|"), several('["a, b", 3, null]', "[]"), several("", "|")
    (['Drama', 'Crime'], ['a, b', '3'], [''])
    """
    values = _of_json(text) if separator == JSON_LIST else text.split(separator)
    return list(dict.fromkeys(value.strip() for value in values))


def _of_json(text: str) -> list[str]:
    try:
        held = json.loads(text)
    except ValueError:
        return [text]
    if not isinstance(held, list):
        return [text]
    spelled = [one if isinstance(one, str) else json.dumps(one) for one in held if one is not None]
    return spelled or [""]
