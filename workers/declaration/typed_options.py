"""An entry's own keys read as its kind reads them, and what is wrong with them in words."""

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
    The own keys as their kind's `options` hold them, or what is wrong with them.

    Args:
        common: the keys that every kind has, which would be right as well.
        strange: the words for a key that this kind does not have, given those that would be right.
        fits: raises ValueError, in words, where the keys do not go with the others.
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
    """A key that this kind does not have: one of `others`, which are kinds, or of none."""
    if others:
        return Problem(key, f"{name} is for kind {' or '.join(others)}; remove it from this {kind}")
    return Problem((*key, name), f"unknown key; {nearest(name, right)}")


Read = Callable[[Key, str, Mapping[str, Any], dict[str, Any]], tuple[dict[str, Any], list[Problem]]]
"""Given where an entry stands, its kind, the keys that all have and its own: those as its kind reads them."""


def apart(
    declared: Mapping[str, Any],
    section: str,
    common: frozenset[str],
    unknown: Callable[[str], str | None],
    read: Read | None,
) -> tuple[dict[str, Any], list[Problem]]:
    """
    The declaration with the own keys of each entry of a section under its `options`, and what is wrong.

    Args:
        common: the keys that an entry has whatever its kind is.
        unknown: what is said of a kind that there is not; None where there is.
        read: by its kind; without it the own keys stay as they are written.
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
