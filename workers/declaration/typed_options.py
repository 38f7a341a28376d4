"""Reads an entry's own keys as its kind defines them, and says what is wrong with them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from domain.recommender.keys.nearest import nearest
from workers.declaration.problem import Problem, problem_of

Key = tuple[str, ...]


def read_typed(
    key: Key,
    options: type[BaseModel],
    own_keys: Mapping[str, Any],
    common: Collection[str],
    strange: Callable[[str, list[str]], Problem],
    fits: Callable[[Any], None] = lambda _options: None,
) -> tuple[dict[str, Any], list[Problem]]:
    """
    The entry's own keys as its kind's `options`, or what is wrong with them.

    Args:
        common: the keys that every kind has, which would also be right.
        strange: makes the message for a key that this kind does not have, given the keys that would be right.
        fits: raises ValueError, with a message, if these keys do not fit the other ones.
    """
    right = sorted(set(common) | set(options.model_fields))
    unknown = [one for one in own_keys if one not in options.model_fields]
    wrong = [strange(one, right) for one in unknown]
    try:
        read = options.model_validate({one: own_keys[one] for one in own_keys if one not in unknown})
        fits(read)
    except ValidationError as error:
        return {}, [*wrong, *(problem_of(key, right, found) for found in error.errors())]
    except ValueError as error:
        return {}, [*wrong, Problem(key, str(error))]
    return read.model_dump(mode="json"), wrong


def strange_key(key: Key, name: str, kind: str, right: list[str], others: Collection[str]) -> Problem:
    """A problem for a key that this kind does not have: it belongs to one of `others` (kinds), or to none."""
    if others:
        return Problem(key, f"{name} is for kind {' or '.join(others)}; remove it from this {kind}")
    return Problem((*key, name), f"unknown key; {nearest(name, right)}")


Read = Callable[[Key, str, Mapping[str, Any], dict[str, Any]], tuple[dict[str, Any], list[Problem]]]
"""Given an entry's place, its kind, the common keys and its own: the own keys as its kind reads them."""


def apart(
    declared: Mapping[str, Any],
    section: str,
    common: frozenset[str],
    unknown: Callable[[str], str | None],
    read: Read | None,
) -> tuple[dict[str, Any], list[Problem]]:
    """
    The declaration with each entry's own keys in a section moved under its `options`, and what is wrong.

    Args:
        common: the keys that an entry has whatever its kind.
        unknown: the message for a kind that does not exist; None if it does.
        read: parses the own keys by kind; if missing, they stay as they are written.
    """
    entries, wrong, found = declared.get(section), list[Problem](), dict[str, Any]()
    if not isinstance(entries, dict):
        return dict(declared), wrong
    for name, fields in entries.items():
        found[name] = fields
        if not isinstance(fields, dict):
            continue
        key, kind = (section, name), fields.get("kind")
        if "options" in fields:
            says = "unknown key; write what a kind asks beside its other keys"
            wrong.append(Problem((*key, "options"), says))
        kept = {one: value for one, value in fields.items() if one in common - {"options"}}
        options = {one: value for one, value in fields.items() if one not in common}
        no_kind = unknown(kind) if isinstance(kind, str) else None
        if no_kind is not None:
            wrong.append(Problem((*key, "kind"), no_kind))
        elif isinstance(kind, str) and read is not None:
            options, said = read(key, kind, kept, options)
            wrong += said
        found[name] = {**kept, "options": options}
    return {**declared, section: found}, wrong
