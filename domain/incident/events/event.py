"""What all facts have in common."""

from __future__ import annotations

from typing import ClassVar

from domain.values import Value


class Event(Value):
    """Base of all facts."""

    wire_name: ClassVar[str]
    schema_version: ClassVar[int] = 1
