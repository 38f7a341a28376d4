"""Separates a kind's own keys from those that every entry of its section has."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any


def with_options_apart(declared: Any, common: Collection[str]) -> Any:
    """
    What is declared, with every key that is not `common` moved under `options`; unchanged if it is no table.

    >>> with_options_apart({"kind": "x", "amount": 2}, {"kind", "options"})
    {'kind': 'x', 'options': {'amount': 2}}
    """
    if not isinstance(declared, dict):
        return declared
    own = {key: value for key, value in declared.items() if key not in common}
    if not own:
        return declared
    kept = {key: value for key, value in declared.items() if key in common}
    return {**kept, "options": {**kept.get("options", {}), **own}}
