"""
Keys that kinds of checks have of their own, as typed values, with their errors in words.

A kind combines the keys it needs (`class Keys(OfColumns, LeastShare)`) and adds those that only it has. The
ones here determine what the engine is asked: whoever reads a table knows a check's columns, not its kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from domain.recommender.check import DIVIDED, Check
from domain.values import Share, Value

Aggregate = Literal["count", "sum", "mean", "quantile", "ratio"]
Metric = Literal["auc", "log_loss", "ndcg", "hit_rate", "mrr"]
Type = Literal["integer", "number", "text", "boolean", "time", "other"]


class Options(Value):
    """
    Base of a kind's own keys under [checks.NAME]: fields with types, and defaults where they may be left out.

    `sensitivity` names those that are thresholds a change must reach: the smaller, the sooner it is found.
    """

    sensitivity: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def of(cls, check: Check) -> Self:
        """
        These keys as a check declares them, ignoring whatever else its kind has.

        Raises:
            pydantic.ValidationError: one is missing or of another type.
        """
        own = {key: value for key, value in check.options.items() if key in cls.model_fields}
        return cls.model_validate(own)


class OfColumns(Options):
    """`columns` are those looked at; all if none is named."""

    columns: tuple[str, ...] = ()
    """Columns looked at; by default all that are suitable."""


class LeastShare(Options):
    """`least_share`: the share of a slice's rows that must be wrong beyond what is usual."""

    sensitivity: ClassVar[tuple[str, ...]] = ("least_share",)

    least_share: Share | None = None
    """Share of a slice's rows that must be wrong beyond what is usual."""

    def least(self, usual: float) -> float:
        """The declared share, or else the usual one."""
        return usual if self.least_share is None else self.least_share


class Types(Options):
    """`types` are the columns that a table must have (`{rating = "number"}`)."""

    types: dict[str, Type] = Field(default_factory=dict)
    """Columns that the table must have, with their types (`{rating = "number"}`)."""


class Domains(Options):
    """`ranges` (`{rating = [0.0, 1.0]}`, "-inf" or "inf" where a side is open) and `values` of columns."""

    ranges: dict[str, tuple[float, float]] = Field(default_factory=dict)
    """
    Smallest and largest value of columns (`{rating = [0.0, 1.0]}`); `"-inf"` or `"inf"` where a side is
    open.
    """
    values: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Values that columns may hold (`{device = ["tv", "web"]}`)."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        for column, (low, high) in self.ranges.items():
            if not low <= high:
                raise ValueError(f"ranges.{column}: {low:g} is not below {high:g}; write [low, high]")
        return self


class Keyed(Options):
    """`key`: the columns in which no two rows may be alike."""

    key: tuple[str, ...] = ()
    """Columns in which no two rows may be alike; by default the table's key."""


class Referring(Options):
    """`references`: where a column's values must be found (`{member_id = "members.member_id"}`)."""

    references: dict[str, str] = Field(default_factory=dict)
    """Where a column's values must be found (`{member_id = "members.member_id"}`); by default the items."""

    @model_validator(mode="after")
    def _spelled(self) -> Self:
        for column, target in self.references.items():
            if target.count(".") != 1:
                raise ValueError(
                    f'references.{column}: write "table.column" for where its values must be found, '
                    f"not {target!r}"
                )
        return self


class LowRank(Options):
    """`low_rank`: the place from which a choice was ranked low; by default twice what a request fills."""

    low_rank: int | None = Field(default=None, ge=2)
    """Rank from which a choice was ranked low; by default twice what a request fills."""


class Aggregated(Options):
    """
    `aggregate`: what is computed from the column `measure` in each window; `quantile` says which one; a ratio
    is over the sum of the column `over`.
    """

    aggregate: Aggregate | None = None
    """What is computed from the column `measure` in each window."""
    over: str | None = None
    """Column whose sum a ratio is divided by."""
    quantile: float | None = Field(default=None, gt=0.0, lt=1.0)
    """Which quantile, where `aggregate` is `quantile`."""

    def made(self, measure: str | None) -> Aggregate:
        """What is computed from `measure`: by default its sum, or the count of rows where there is none."""
        return self.aggregate or ("count" if measure is None else "sum")


class Divided(Options):
    """
    `aggregate`: what is computed from the column `measure`; a mean or a ratio (over the sum of the column
    `over`) is compared with its own past, by slice together with its denominator.
    """

    aggregate: Literal["count", "sum", "mean", "ratio"] | None = None
    """What is computed from the column `measure`; a mean or a ratio is judged with its denominator."""
    over: str | None = None
    """Column whose sum a ratio is divided by."""

    @model_validator(mode="after")
    def _together(self) -> Self:
        if (self.aggregate == "ratio") != (self.over is not None):
            raise ValueError('aggregate = "ratio" and over = "…", a column to divide by, belong together')
        return self

    @property
    def divided(self) -> bool:
        """Whether it is one sum over another, which does not add up over slices."""
        return self.aggregate in DIVIDED


def fits_divided(declared: Mapping[str, Any], options: Divided) -> None:
    """
    Raise ValueError where the aggregate does not fit with whether a column is named.
    """
    if options.aggregate in ("sum", *DIVIDED) and declared.get("measure") is None:
        raise ValueError(f'aggregate = "{options.aggregate}" needs a column; add measure = "…"')
    if options.aggregate == "count" and declared.get("measure") is not None:
        raise ValueError('aggregate = "count" counts rows; take out measure, or write "sum"')


class Ranking(Options):
    """`metric`: what is computed from scores and choices, over the first `top` places where it has places."""

    metric: Metric | None = None
    """What is computed from scores and choices."""
    top: int | None = Field(default=None, ge=1)
    """How many of the first places count; by default what a request fills."""


class LearnedFrom(Options):
    """`learned_from`: the table that the model was trained on."""

    learned_from: str | None = None
    """Table that the model was trained on."""


class AsOf(Options):
    """`as_of`: the column that says when something dates from."""

    as_of: str | None = None
    """Column with the time that a model dates from, such as its newest training row."""


class Limits(Options):
    """`limits`: the promised quantiles of a measured time (`{p95 = 250.0}`, in its column's unit)."""

    limits: dict[Literal["p50", "p95", "p99"], float] = Field(default_factory=dict)
    """Promised quantiles of the measured time (`{p95 = 250.0}`), in its column's unit."""

    @model_validator(mode="after")
    def _times(self) -> Self:
        for name, limit in self.limits.items():
            if limit <= 0:
                raise ValueError(f"limits.{name}: {limit:g} is no time; write what was promised, above 0")
        return self


class Per(Options):
    """`per`: rows with the same value in this column, such as a request or member, count once."""

    per: str | None = None
    """Column whose rows with the same value count once, such as a request or a member."""


class Serving(Options):
    """`versions`: the share that each version should serve (`{v7 = 0.9, v8 = 0.1}`)."""

    versions: dict[str, Share] = Field(default_factory=dict)
    """Share of rows that each version should serve (`{v7 = 0.9, v8 = 0.1}`)."""

    @model_validator(mode="after")
    def _parts(self) -> Self:
        if sum(self.versions.values()) > 1 + 1e-6:
            raise ValueError("versions: the shares add up to more than 1; write each as a part of all rows")
        return self


class Matched(Options):
    """`on`: which column corresponds to which of another table (`{request = "request_id"}`)."""

    on: dict[str, str] = Field(default_factory=dict)
    """Which column corresponds to which of the other table (`{request = "request_id"}`)."""


class Staged(Matched):
    """`stages`: boolean columns and tables, in the order in which rows pass them."""

    stages: tuple[str, ...] = ()
    """Boolean columns and tables, in the order in which rows pass them."""


class Beside(Matched):
    """`beside`: the table to look in."""

    beside: str | None = None
    """The other table."""


class Compared(Beside):
    """`compare`: columns that hold the same there; numbers within `tolerance`, a share of the larger one."""

    compare: dict[str, str] = Field(default_factory=dict)
    """Columns that hold the same in the other table, by name here and there."""
    tolerance: float | None = Field(default=None, ge=0.0)
    """Largest difference of two numbers, as a share of the larger one."""


def needed(options: Options, kind: str, examples: dict[str, str]) -> None:
    """
    Raise ValueError where one of these keys is empty, saying how it may be written.
    """
    for name, example in examples.items():
        if not getattr(options, name):
            raise ValueError(f"a check of kind {kind} needs {name}; add for instance {example}")
