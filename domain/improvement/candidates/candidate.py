"""
A check to try beside those that are declared.

It is always a check of its own, never a change to another: it begins in shadow mode, and whatever paged
people before keeps paging them until the new check's record promotes it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from domain.detection.kind import Kind

Kinds = Mapping[str, Kind[Any, Any]]
Declared = Mapping[str, Mapping[str, Any]]
"""Check → its keys as they are written in the declaration."""


@dataclass(frozen=True)
class Candidate:
    """
    A check to be added: the keys of `[checks.NAME]` as they would be written, and what is new about it.

    `beside` is the declared check that it varies; None where its kind is new to the table. `direct`: it looks
    for what the diagnosis named, not for its consequences.
    """

    name: str
    keys: Mapping[str, Any]
    says: str
    beside: str | None = None
    direct: bool = False

    @property
    def columns(self) -> float:
        """How many columns it looks at; infinite where it names none."""
        return len(self.keys.get("columns", ())) or math.inf


def needs_no_more(kind: Kind[Any, Any], keys: Mapping[str, Any]) -> bool:
    """Whether a check of the kind can be declared with only these of the kind's own keys."""
    own = {key: value for key, value in keys.items() if key in kind.options.model_fields}
    try:
        kind.fits({}, kind.read(own))
    except (ValidationError, ValueError):
        return False
    return True


def spelled(value: float | str) -> str:
    """
    The value as it may appear in the name of a check.

    >>> spelled(0.125), spelled("Main genre")
    ('0_125', 'Main_genre')
    """
    text = f"{value:g}" if isinstance(value, float) else value
    return "".join(letter if letter.isalnum() and letter.isascii() else "_" for letter in text)
