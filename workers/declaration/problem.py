"""One thing wrong in a declaration, in words that say what would be right."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from domain.recommender.keys.nearest import nearest


@dataclass(frozen=True)
class Problem:
    """One thing wrong in a declaration: the key, and words that say what would be right."""

    key: tuple[str, ...]
    says: str


def problem_of(key: tuple[str, ...], names: Iterable[str], found: Any) -> Problem:
    """
    What pydantic found wrong below `key`, in words.

    Args:
        names: the keys that would be right there.
        found: one of `ValidationError.errors()`.
    """
    location = tuple(str(part) for part in found["loc"])
    match found["type"]:
        case "extra_forbidden":
            says = f"unknown key; {nearest(location[-1], names)}"
        case "missing":
            says = "missing; it has to be given"
        case "literal_error":
            right = re.findall(r"'([^']+)'|(\d+)", found["ctx"]["expected"])
            says = (
                f"{found['input']!r} is not known; {nearest(str(found['input']), (a or b for a, b in right))}"
            )
        case _:
            says = f"{found['msg'].removeprefix('Value error, ')} (it says {found['input']!r})"
            says = says if location else found["msg"].removeprefix("Value error, ")
    return Problem((*key, *location), says)
