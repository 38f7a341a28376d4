"""What is looked at: one declared check."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from domain.recommender.duration import Duration
from domain.values import Severity, Share, Value

CheckKind = Literal["volume", "freshness", "slice_volume", "launch_forecast"]


class Check(Value):
    """
    One check of one table.

    `measure` is a column to add up instead of counting rows; `ways` how many dimensions a slice may have;
    `history` how far back to learn from; `within` a promise on freshness that needs no learning;
    `least_change` (share) and `least_rows` are what a change must reach to be worth a person's attention.
    `every` and `window` stand in for the table's own.
    """

    name: str
    kind: CheckKind
    table: str | None = None
    severity: Severity | None = None
    measure: str | None = None
    ways: Literal[1, 2] = 2
    history: Duration | None = None
    within: Duration | None = None
    every: Duration | None = None
    window: Duration | None = None
    least_change: Share = 0.25
    least_rows: float = Field(default=20.0, ge=0.0)
    direction: Literal["both", "drop", "surge"] = "both"
    dimensions: tuple[str, ...] | None = None
