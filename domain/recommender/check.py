"""What is looked at: one declared check."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Literal, Self, get_args

from pydantic import Field, model_validator

from domain.recommender.duration import Duration
from domain.recommender.evidences import TestId
from domain.recommender.schedule import Schedule
from domain.values import Severity, Share, Value

CheckKind = Literal[
    "volume",
    "freshness",
    "slice_volume",
    "launch_forecast",
    "schema",
    "missing",
    "domain",
    "duplicates",
    "references",
    "drift",
    "misses",
    "series",
    "scores",
    "calibration",
    "metric",
    "training",
    "staleness",
    "skew",
    "numeric",
    "latency",
    "versions",
    "stages",
    "joins",
    "sampling",
    "disagreements",
    "production_bias",
]
OURS: tuple[str, ...] = get_args(CheckKind)
Aggregate = Literal["count", "sum", "mean", "quantile", "ratio"]
Metric = Literal["auc", "log_loss", "ndcg", "hit_rate", "mrr"]
Type = Literal["integer", "number", "text", "boolean", "time", "other"]
OWN_KEYS = {
    "types": ("schema",),
    "ranges": ("domain",),
    "values": ("domain",),
    "key": ("duplicates",),
    "references": ("references",),
    "columns": (
        *("schema", "missing", "domain", "drift", "scores", "training", "skew", "numeric"),
        "versions",
    ),
    "least_share": (
        *("missing", "domain", "duplicates", "references", "drift", "misses"),
        *("scores", "skew", "numeric", "joins", "disagreements", "versions"),
    ),
    "low_rank": ("misses",),
    "aggregate": ("series",),
    "over": ("series",),
    "quantile": ("series",),
    "metric": ("metric",),
    "top": ("metric",),
    "against": ("calibration",),
    "learned_from": ("skew",),
    "as_of": ("staleness",),
    "limits": ("latency",),
    "per": ("latency", "versions"),
    "versions": ("versions",),
    "stages": ("stages",),
    "beside": ("joins", "sampling", "disagreements"),
    "on": ("joins", "sampling", "disagreements", "stages"),
    "rate": ("sampling",),
    "compare": ("disagreements",),
    "tolerance": ("disagreements",),
}
"""Keys that say something to some kinds only: written elsewhere they would be read by nobody."""

OWN_GROUP = "recsysops.checks"
"""The group of entry points in which a kind of a team's own is found, under its name."""
NEEDED = {
    "latency": {"measure": 'measure = "latency_ms"'},
    "stages": {"stages": 'stages = ["ranked", "shown"]'},
    "joins": {"beside": 'beside = "table"', "on": 'on = {request = "request_id"}'},
    "sampling": {"beside": 'beside = "table"', "on": 'on = {request_id = "request"}'},
    "disagreements": {
        "beside": 'beside = "table"',
        "on": 'on = {request = "request_id"}',
        "compare": 'compare = {score = "score"}',
    },
}
"""Keys without which a kind has nothing to look at, and how each may be written."""


class Check(Value):
    """
    One check of one table. `kind` is one of ours, or of a team's own (`domain.detection.own`), whose own keys
    are `options`: null for ours.

    `measure` is a column to add up instead of counting rows; `ways` how many dimensions a slice may have;
    `history` how far back to learn from; `within` a promise on freshness that needs no learning;
    `least_change` (share) and `least_rows` are what a change must reach to be worth a person's attention.
    `every` and `window` stand in for the table's own. In `shadow` it pages no one: what it finds is written
    into its record, which says when it may. It looks as soon as a window is complete, or when its `schedule`
    says so: a cron expression, or "updated", which waits for rows of the window.

    `evidences` are tests of the ML Test Score that it is evidence for beside those of its kind, such as
    `monitor-6` for a series of serving latency.

    After an incident is closed, the same finding is told no sooner than `cool_down` later; and until
    `reopen_within` later it opens that incident again instead of a new one.

    Of the data checks: `columns` are those looked at (all, where none is named); `least_share` the share of
    a slice's rows that must be wrong beyond what is usual. `types` are the columns a table must have
    (`{rating = "number"}`; else those it had at the first look), `ranges` (`{rating = [0.0, 1.0]}`, `"-inf"`
    or `"inf"` where a side is open) and `values` (`{device = ["tv", "web"]}`) what a column may hold (else
    what it held), `key` the columns of which no two rows may be alike, and `references` where a column's
    values must be found (`{member_id = "members.member_id"}`).

    Of `misses`, whose table is a model's candidates: `low_rank` is the place from which on a choice was
    ranked low (twice as far down as a request is filled, where none is said).

    Of `series`: `aggregate` says what is made of the column `measure` in each window, its sum where
    nothing is said, or the count of rows where no column is named; `quantile` which one; `ratio` is the
    sum of `measure` over the sum of `over`. It is sliced, by one dimension at a time, only where
    `dimensions` says so.

    Of the checks of a model, whose table is its candidates: `metric` is what is computed of scores and
    choices, of the first `top` places where it has places (else those that a request fills); `against`
    "score" holds what is chosen against the scores as they are, "past" against how far off they usually are;
    `learned_from` is the table that the model was trained on. Of `staleness`, `as_of` is the column that says
    from when something is: a table of trainings is as old as its newest row where nothing is said.

    Of `latency`: `measure` is the column with the time an answer took, `limits` what was promised of its
    quantiles (`{p95 = 250.0}`, in the column's unit). Of `versions`: `versions` is the share that each
    should serve (`{v7 = 0.9, v8 = 0.1}`; else all what the model's registry names), `columns` the one that
    holds it (else the model's own), `within` how long replicas may take to follow the registry. Rows alike
    in the column `per`, of one request or member, count once (else those of a request, where the table is a
    model's candidates). Of `stages`: boolean columns, and tables in which a row is found again by `on`, in
    the order in which rows get through them.

    Of what others log of us: `beside` is the table to look in, and `on` which column is which of its own
    (`{request = "request_id"}`), `within` how far apart in time they may be. `rate` is the share of rows that
    was agreed to be kept there, `compare` which columns have to hold the same, numbers up to `tolerance`, a
    part of the larger one.
    """

    name: str
    kind: str
    table: str | None = None
    severity: Severity | None = None
    shadow: bool = False
    evidences: tuple[TestId, ...] = ()
    cool_down: Duration = timedelta(0)
    reopen_within: Duration = timedelta(0)
    measure: str | None = None
    ways: Literal[1, 2] = 2
    history: Duration | None = None
    within: Duration | None = None
    every: Duration | None = None
    schedule: Schedule | None = None
    window: Duration | None = None
    least_change: Share = 0.25
    least_rows: float = Field(default=20.0, ge=0.0)
    direction: Literal["both", "drop", "surge"] = "both"
    dimensions: tuple[str, ...] | None = None
    columns: tuple[str, ...] = ()
    least_share: Share | None = None
    types: dict[str, Type] = Field(default_factory=dict)
    ranges: dict[str, tuple[float, float]] = Field(default_factory=dict)
    values: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    key: tuple[str, ...] = ()
    references: dict[str, str] = Field(default_factory=dict)
    low_rank: int | None = Field(default=None, ge=2)
    aggregate: Aggregate | None = None
    over: str | None = None
    quantile: float | None = Field(default=None, gt=0.0, lt=1.0)
    metric: Metric | None = None
    top: int | None = Field(default=None, ge=1)
    against: Literal["past", "score"] | None = None
    learned_from: str | None = None
    as_of: str | None = None
    limits: dict[Literal["p50", "p95", "p99"], float] = Field(default_factory=dict)
    per: str | None = None
    versions: dict[str, Share] = Field(default_factory=dict)
    stages: tuple[str, ...] = ()
    beside: str | None = None
    on: dict[str, str] = Field(default_factory=dict)
    rate: Share | None = Field(default=None, gt=0.0)
    compare: dict[str, str] = Field(default_factory=dict)
    tolerance: float | None = Field(default=None, ge=0.0)
    options: dict[str, Any] | None = None

    @property
    def aggregated(self) -> Aggregate:
        """What a series is made of in each window."""
        return self.aggregate or ("count" if self.measure is None else "sum")

    @property
    def own(self) -> bool:
        """Whether its kind is a team's own."""
        return self.options is not None

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        if not self.own and self.kind not in OURS:
            raise ValueError(f"{self.kind!r} is no kind of check; write one of {', '.join(OURS)}")
        for name, kinds in OWN_KEYS.items():
            if getattr(self, name) not in ((), {}, None) and self.kind not in kinds:
                raise ValueError(f"{name} is for kind {' or '.join(kinds)}; take it out of this {self.kind}")
        for column, (low, high) in self.ranges.items():
            if not low <= high:
                raise ValueError(f"ranges.{column}: {low:g} is not below {high:g}; write [low, high]")
        for column, target in self.references.items():
            if target.count(".") != 1:
                raise ValueError(
                    f'references.{column}: write "table.column" for where its values must be found, '
                    f"not {target!r}"
                )
        self._of_a_series()
        self._of_a_model()
        self._of_what_is_served()
        return self

    def _of_a_series(self) -> None:
        if self.aggregate in {"sum", "mean", "quantile", "ratio"} and self.measure is None:
            raise ValueError(f'aggregate = "{self.aggregate}" needs a column; add measure = "…"')
        if self.aggregate == "count" and self.measure is not None:
            raise ValueError('aggregate = "count" counts rows; take out measure, or write "sum"')
        if (self.aggregate == "ratio") != (self.over is not None):
            raise ValueError('aggregate = "ratio" and over = "…", a column to divide by, belong together')
        if self.quantile is not None and self.aggregate != "quantile":
            raise ValueError('quantile is for aggregate = "quantile"; add that, or take quantile out')

    def _of_a_model(self) -> None:
        if self.kind == "metric" and self.metric is None:
            raise ValueError(
                'says not which metric; add metric = "auc", "log_loss", "ndcg", "hit_rate" or "mrr"'
            )
        if self.top is not None and self.metric in {"auc", "log_loss"}:
            raise ValueError(f"top is for metrics with places, not for {self.metric}; take it out")
        if self.kind == "skew" and self.learned_from is None:
            raise ValueError('says not what the model learned from; add learned_from = "table"')
        if self.kind == "training" and not self.columns:
            raise ValueError('says not which columns of a training to judge; add columns = ["auc"]')

    def _of_what_is_served(self) -> None:
        for name, example in NEEDED.get(self.kind, {}).items():
            if not getattr(self, name):
                raise ValueError(f"a check of kind {self.kind} needs {name}; add for instance {example}")
        if sum(self.versions.values()) > 1 + 1e-6:
            raise ValueError("versions: the shares add up to more than 1; write each as a part of all rows")
        for name, limit in self.limits.items():
            if limit <= 0:
                raise ValueError(f"limits.{name}: {limit:g} is no time; write what was promised, above 0")


COMMON = frozenset(Check.model_fields) - frozenset(OWN_KEYS)
"""Keys that every kind has, a team's own as well; no option of one may be called so."""
