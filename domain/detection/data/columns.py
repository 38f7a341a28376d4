"""The columns of a table and what they hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Columns:
    """`types`: column → what it holds now; `accept_before`: changes seen before then are the new normal."""

    types: Mapping[str, str]
    window_start: datetime
    window_end: datetime
    accept_before: datetime
