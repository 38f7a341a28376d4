"""What a kind asks of its own, taken apart from the keys that every entry of its section has."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any


def with_options_apart(declared: Any, common: Collection[str]) -> Any:
    """
    What is declared, with every key that is not `common` under `options`; as it is, where it is no table.

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
