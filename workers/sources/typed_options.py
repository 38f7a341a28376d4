"""An entry's own keys read as its kind reads them, and what is wrong with them in words."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from domain.recommender.nearest import nearest
from workers.sources.problem import Problem, problem_of

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
        return Problem(key, f"{name} is for kind {' or '.join(others)}; take it out of this {kind}")
    return Problem((*key, name), f"unknown key; {nearest(name, right)}")
