"""What a diagnosis is made from: frames that were read before, each of them possibly missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo

import pandas as pd

from domain.diagnosis.replay import CandidateColumns, Scorer
from domain.prediction.calendar import LaunchColumns
from domain.values import Finding


@dataclass(frozen=True)
class Snapshots:
    """The items before and after their last delivery. `key` is the item's column."""

    before: pd.DataFrame
    after: pd.DataFrame
    delivered_at: datetime
    previous_at: datetime


@dataclass(frozen=True)
class Standby:
    """Rows of the slice since the onset in a table and in its standby."""

    table: str
    rows: float
    rows_standby: float


@dataclass(frozen=True)
class Material:
    """
    Everything that was read for one finding.

    Args:
        series: windows of the slice: `window_start`, `observed`, `expected`.
        cells: combinations of `dimensions` since about the onset: `observed`, `expected`.
        exploded: dimension → what stands between its several values in one cell.
        items: one row an item, by `key`; `features` may be odd.
        candidates: logged candidates since the onset; `candidates_before`: before it.
        events: (time, words) of what else happened: deliveries, trainings.
        beside: (table, observed, expected) of the same slice in other tables.
        problems: what could not be read, in words.
    """

    finding: Finding
    noun: str = "items"
    zone: tzinfo = UTC
    series: pd.DataFrame | None = None
    cells: pd.DataFrame | None = None
    dimensions: tuple[str, ...] = ()
    exploded: Mapping[str, str] = field(default_factory=dict)
    items: pd.DataFrame | None = None
    key: str = "item_id"
    features: tuple[str, ...] = ()
    snapshots: Snapshots | None = None
    launches: pd.DataFrame | None = None
    launch_columns: LaunchColumns | None = None
    candidates: pd.DataFrame | None = None
    candidates_before: pd.DataFrame | None = None
    columns: CandidateColumns | None = None
    model: Scorer | None = None
    events: tuple[tuple[datetime, str], ...] = ()
    standby: Standby | None = None
    beside: tuple[tuple[str, float, float], ...] = ()
    problems: tuple[str, ...] = field(default=())

    def clock(self, moment: datetime) -> str:
        """A time for people: of the day when it is the finding's day, else with the day."""
        local, own = moment.astimezone(self.zone), self.finding.window_end.astimezone(self.zone)
        return f"{local:%H:%M}" if local.date() == own.date() else f"{local:%a %d %b %H:%M}"
