"""What a diagnosis is made from: frames that were read beforehand, any of which may be missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo

import pandas as pd

from domain.diagnosis.members.rows import MemberRows
from domain.diagnosis.pairing import Pair
from domain.diagnosis.precedent import Past
from domain.diagnosis.replay import CandidateColumns, Scorer
from domain.diagnosis.rerun.values import Rerun
from domain.diagnosis.two_by_two import TwoByTwo
from domain.incident.numbers import minute
from domain.prediction.calendar import LaunchColumns
from domain.recommender.expectation import Expectation
from domain.recommender.lineage import Lineage
from domain.recommender.planned import Planned
from domain.values import CauseKind, Finding, Slice


@dataclass(frozen=True)
class Snapshots:
    """
    The items before and after their last delivery. `key` is the item's column; `table` is the feed that keeps
    them, where it is the finding's own and not the catalogue's.
    """

    before: pd.DataFrame
    after: pd.DataFrame
    delivered_at: datetime
    previous_at: datetime
    table: str | None = None

    @property
    def name(self) -> str:
        """What was delivered, in words."""
        return f"delivery of `{self.table}`" if self.table is not None else "catalogue delivery"


@dataclass(frozen=True)
class Standby:
    """
    Rows of the slice since the onset in a table and in its standby; and `elsewhere`, those of all other
    slices in both, where they were counted. `seconds`: over how long.
    """

    table: str
    rows: float
    rows_standby: float
    elsewhere: tuple[float, float] | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class OtherFinding:
    """What another check found around the onset, whether or not anybody was told of it."""

    check: str
    table: str
    slice: Slice
    title: str
    since: datetime
    subject: str | None = None


@dataclass(frozen=True)
class Rows:
    """Rows of the finding's table from before the onset on: what identifies one, its time, its dimensions."""

    keys: tuple[str, ...]
    frame: pd.DataFrame
    covers: float = 1.0


@dataclass(frozen=True)
class Release:
    """An item that came out, and how many rows of the symptom's slice are its own since the onset."""

    item: str
    at: datetime
    rows: float


LABELLED = "labelled"
RANKED_AT = "__ranked_at"
"""When a logged candidate was ranked, in `Material.candidates`."""


@dataclass(frozen=True)
class TrainingRows:
    """
    How many rows of a table the trainings took: the newest, `at` the onset or before, and those before that.

    `counts` has a row for each training and combination of `dimensions`: `training` (0 the newest, 1 the one
    before it, and so on), `rows`, and where a label is declared `LABELLED`, how many have it.
    """

    table: str
    at: datetime
    dimensions: tuple[str, ...]
    counts: pd.DataFrame


@dataclass(frozen=True)
class Written:
    """
    What the last windows of a table hold: `edges` are the first one's start and each one's end, `counts` the
    `rows` of each `window` (from 0 on), in all and by slices of up to two of the table's own dimensions
    (`dim1`, `val1`, `dim2`, `val2`; null where unused). Windows without rows are absent.
    """

    table: str
    edges: tuple[datetime, ...]
    counts: pd.DataFrame


@dataclass(frozen=True)
class Material:
    """
    Everything that was read for one finding.

    Args:
        series: windows of the slice: `window_start`, `observed`, `expected`.
        outside_since: where there is no series, when what the check measures left its band.
        cells: combinations of `dimensions` since about the onset: `observed`, `expected`.
        exploded: dimension → the separator between its several values in one cell.
        items: one row an item, by `key`; `features` may be odd.
        candidates: logged candidates since the onset; `candidates_before`: before it.
        events: (time, words) of what else happened: deliveries, trainings.
        beside: (table, observed, expected) of the same slice in other tables.
        rerun: what came of running the logged requests again; `two_by_two` how much of the change is due to
            what.
        rows: of the finding's own table; `pairs` beside those of related ones.
        fault: the kind of cause that a finding of its check is in itself; null where it may have any.
        benign: whether what its check finds may be no fault at all, such as a changed distribution.
        lacking: the table in which the finding's own check looks for rows and does not find them.
        catalogue: the table of items that is delivered whole.
        item_feature: whether what the finding's rows lack is a feature of the items that they name.
        feeds: the last deliveries of other feeds of items that the finding's table is made from.
        logged_dimensions: what the candidates' log can be sliced by.
        registered: the version that the model's registry names; `expects` what the team expects of it.
        others: what other checks found around the onset, those on trial included.
        planned: announced events around the onset.
        releases: items that came out around the onset.
        training_rows: what the newest training took, of each table that is learned from.
        of_members: the tables of which each row names a member and an item.
        written: the last windows of the finding's table and of those that it is made from.
        members: those of the finding's table, where its slice may be one of members.
        past: incidents that are over, the newest first: to recognise what was seen before, not to find the
            cause.
        problems: what could not be read, in words.
    """

    finding: Finding
    noun: str = "items"
    zone: tzinfo = UTC
    series: pd.DataFrame | None = None
    outside_since: datetime | None = None
    cells: pd.DataFrame | None = None
    dimensions: tuple[str, ...] = ()
    exploded: Mapping[str, str] = field(default_factory=dict)
    items: pd.DataFrame | None = None
    key: str = "item_id"
    features: tuple[str, ...] = ()
    snapshots: Snapshots | None = None
    feeds: tuple[Snapshots, ...] = ()
    item_feature: bool = False
    launches: pd.DataFrame | None = None
    launch_columns: LaunchColumns | None = None
    candidates: pd.DataFrame | None = None
    candidates_before: pd.DataFrame | None = None
    columns: CandidateColumns | None = None
    model: Scorer | None = None
    events: tuple[tuple[datetime, str], ...] = ()
    standby: Standby | None = None
    beside: tuple[tuple[str, float, float], ...] = ()
    of_members: frozenset[str] = frozenset()
    rerun: Rerun | None = None
    two_by_two: TwoByTwo | None = None
    rows: Rows | None = None
    pairs: tuple[Pair, ...] = ()
    fault: CauseKind | None = None
    benign: bool = False
    lacking: str | None = None
    logged_dimensions: tuple[str, ...] = ()
    registered: str | None = None
    model_name: str | None = None
    expects: tuple[Expectation, ...] = ()
    candidates_table: str | None = None
    catalogue: str | None = None
    lineage: Lineage = field(default_factory=Lineage)
    others: tuple[OtherFinding, ...] = ()
    planned: tuple[Planned, ...] = ()
    releases: tuple[Release, ...] = ()
    training_rows: tuple[TrainingRows, ...] = ()
    written: tuple[Written, ...] = ()
    members: MemberRows | None = None
    past: tuple[Past, ...] = ()
    problems: tuple[str, ...] = field(default=())

    @property
    def feed(self) -> str:
        """The table that `standby` is one of: the finding's own, unless that is the standby itself."""
        itself = self.standby is not None and self.standby.table == self.finding.table
        return self.lacking if itself and self.lacking is not None else self.finding.table

    def sliceable(self, rows: pd.DataFrame) -> tuple[str, ...]:
        """What logged candidates can be sliced by: what their table declares, else texts about items."""
        names = self.logged_dimensions or (*self.dimensions, *self.features)
        known = [name for name in dict.fromkeys(names) if name in rows]
        return tuple(name for name in known if not pd.api.types.is_numeric_dtype(rows[name]))

    def clock(self, moment: datetime) -> str:
        """A time for people."""
        return minute(moment)
