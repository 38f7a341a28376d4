"""
A check to be tried beside those that are declared.

It is always one of its own, never a change to another: it begins in shadow mode, and until its record
promotes it what paged people before goes on paging them.
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

    `beside` is the declared check that it is a variation of; None where its kind is new to the table.
    `direct`: it looks for what the diagnosis named, and not for what followed from that.
    """

    name: str
    keys: Mapping[str, Any]
    says: str
    beside: str | None = None
    direct: bool = False

    @property
    def columns(self) -> float:
        """How many columns it looks at; without end where it names none."""
        return len(self.keys.get("columns", ())) or math.inf


def needs_no_more(kind: Kind[Any, Any], keys: Mapping[str, Any]) -> bool:
    """Whether a check of the kind may be declared with no keys of the kind's own but these."""
    own = {key: value for key, value in keys.items() if key in kind.options.model_fields}
    try:
        kind.fits({}, kind.read(own))
    except (ValidationError, ValueError):
        return False
    return True


def spelled(value: float | str) -> str:
    """
    As it may stand in the name of a check.

    >>> spelled(0.125), spelled("Main genre")
    ('0_125', 'Main_genre')
    """
    text = f"{value:g}" if isinstance(value, float) else value
    return "".join(letter if letter.isalnum() and letter.isascii() else "_" for letter in text)
