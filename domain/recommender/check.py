"""One declared check: what is looked at."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from domain.recommender.keys.apart import with_options_apart
from domain.recommender.keys.duration import Duration
from domain.recommender.keys.evidences import TestId
from domain.recommender.keys.schedule import Schedule
from domain.values import Severity, Share, Value

OWN_GROUP = "recsysops.checks"
"""The group of entry points where a kind is found under its name."""

DIVIDED = ("mean", "ratio")
"""Aggregates that are one sum over another."""
BY_COUNTS = 2  # dimensions of a slice that counts are looked at by


class Check(Value):
    """
    One check of one table: the keys that every check has. Further keys of its `kind` are its `options`, which
    the kind itself reads as typed values (`domain.recommender.options`).

    `measure` is a column to add up instead of counting rows; `ways` how many dimensions a slice may have, up
    to three of a ratio or a mean; `history` how far back to learn from; `within` a promise on freshness that
    needs no learning; `least_change` (share) and `least_rows` are what a change must reach to be worth a
    person's attention. `every` and `window` override the table's own. In `shadow` it pages no one: what it
    finds goes into its record, which says when it may. It looks as soon as a window is complete, or when its
    `schedule` says so: a cron expression, or "updated", which waits for rows in the window.

    `evidences` are tests of the ML Test Score that it is evidence for in addition to those of its kind, such
    as `monitor-6` for a series of serving latency.

    What is found does not become normal merely by lasting until it has lasted for `accept_after` (by default
    four weeks, or as long as `history`): then it is the new normal, and is over.

    After an incident is closed, the same finding is reported no sooner than `cool_down` later; and until
    `reopen_within` later it opens that incident again instead of a new one.
    """

    name: str
    kind: str
    """What it checks: a kind of ours or an installed one."""
    table: str | None = None
    """The table that it looks at."""
    severity: Severity | None = None
    """Severity of whatever it finds; by default it follows from what is affected."""
    shadow: bool = False
    """Shadow mode: findings are recorded, and nobody is paged."""
    evidences: tuple[TestId, ...] = ()
    """Tests of the ML Test Score that it is evidence for, in addition to those of its kind."""
    cool_down: Duration = timedelta(0)
    """How long after an incident is closed the same finding is not reported again."""
    reopen_within: Duration = timedelta(0)
    """Until how long after it was closed the same finding reopens the old incident."""
    measure: str | None = None
    """A column to add up, in place of counting rows."""
    options: dict[str, Any] = Field(default_factory=dict)
    ways: Literal[1, 2, 3] = 2
    """Most dimensions of a slice; 3 for a ratio or a mean only."""
    history: Duration | None = None
    """
    How far back it learns. The default depends on the window: 26 windows longer than a day, 56 days of
    windows of a day, 28 days of an hour; 720 shorter ones, 240 by slice.
    """
    within: Duration | None = None
    """A promise that needs no learning: how late, how old, or how far apart in time."""
    accept_after: Duration | None = None
    """How long something has to be wrong before it is the new normal. By default four weeks, or `history`."""
    every: Duration | None = None
    """How often it looks; by default as the table does."""
    schedule: Schedule | None = None
    """
    When it looks: a cron expression in the recommender's time zone, or `"updated"`, once the window has
    rows.
    """
    window: Duration | None = None
    """How much time is judged at once; by default the table's."""
    least_change: Share = 0.25
    """Smallest change that raises an alert, as a share of what is expected."""
    least_rows: float = Field(default=20.0, ge=0.0)
    """Fewest rows by which it has to be off to raise an alert."""
    direction: Literal["both", "drop", "surge"] = "both"
    """Whether losses, surges or both raise an alert."""
    dimensions: tuple[str, ...] | None = None
    """Columns by which rows are sliced; by default the table's."""

    @model_validator(mode="before")
    @classmethod
    def _apart(cls, declared: Any) -> Any:
        """Move a kind's own keys, which are declared beside the others, into `options`."""
        return with_options_apart(declared, cls.model_fields)

    @field_validator("ways")
    @classmethod
    def _three_ways_divide(cls, ways: int, info: ValidationInfo) -> int:
        if ways > BY_COUNTS and info.data.get("options", {}).get("aggregate") not in DIVIDED:
            raise ValueError('ways = 3 is for aggregate = "ratio" or "mean"; write 2')
        return ways

    def with_options(self, **changed: Any) -> Self:
        """The same check with these keys of its kind changed."""
        return self.model_copy(update={"options": {**self.options, **changed}})


COMMON = frozenset(Check.model_fields)
"""Keys that every kind has; no option of a kind may have one of these names."""
