"""One table of the recommender: where it is, what its time is, what it can be sliced by."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from domain.recommender.keys.duration import Duration
from domain.values import Value

MAX_DIMENSIONS = 12
OWN_PREFIX = "__"
"""What the names of the checks' own columns begin with: such a column of a table is not seen."""


class Csv(Value):
    """
    How a text file is laid out.

    `columns` names them, each with its type, where the file has no header; `explode` is as in `Table`;
    `encoding` is how its text is encoded.
    """

    delimiter: str = Field(default=",", min_length=1, max_length=4)
    """What separates columns."""
    header: bool = True
    """Whether the first line names the columns."""
    encoding: Literal["utf-8", "latin-1", "utf-16"] = "utf-8"
    """How the text is encoded."""
    columns: dict[str, Literal["string", "int", "float", "bool", "timestamp"]] = Field(default_factory=dict)
    """Column → type, where the file has no header."""
    explode: dict[str, str] = Field(default_factory=dict)
    """As the table's `explode`."""


class Table(Value):
    """
    A declared table: rows with a time, or (without `time`) a description of items, read in its current state.

    Exactly one of `path` (parquet or text files, a glob allowed), `url` (any Ibis URL, with `table` or
    `select`), or `select` with the `files` that it reads itself. A `select` is one SELECT of the path's
    `rows`, of the url's tables or of `files`; `functions` are those it may call beside the usual ones.
    `settle` is how long after its end a window is complete; windows start every `every` and may overlap.
    `upstream` are the tables that it is made from: what is wrong there will later be wrong here. A query that
    is not answered within `timeout` is cancelled. `explode` says which columns hold several values in one
    text, and what separates them (`{genres = "|", tags = "[]"}`, `"[]"` for a JSON list): a row counts once
    for each. Columns of a list type are recognised as such. In a table that a model learned from, `label` is
    the column (a boolean, or a number above 0) that says what was to be learned from a row.
    """

    name: str
    path: str | None = None
    """Parquet or text files, with a glob; relative to the declaration."""
    url: str | None = None
    """An engine's address (any Ibis URL), with `table` or `select`."""
    table: str | None = None
    """Table of that engine."""
    select: str | None = None
    """One SELECT: over the path's `rows`, the url's tables, or declared `files`."""
    files: tuple[str, ...] = ()
    """Files that the `select` reads itself."""
    functions: tuple[str, ...] = ()
    """Functions that the `select` may call beside the usual ones."""
    time: str | None = None
    """Column with the time of a row; without it the table is a current state."""
    window: Duration = timedelta(hours=1)
    """How much time is judged at once."""
    settle: Duration = timedelta(0)
    """How long after a window's end its rows are complete."""
    every: Duration | None = None
    """How often a window starts, and is looked at; by default each `window`."""
    dimensions: tuple[str, ...] = Field(default=(), max_length=MAX_DIMENSIONS)
    """Columns by which rows are sliced; at most 12."""
    item: str | None = None
    """Column that identifies the item."""
    member: str | None = None
    """Column that identifies the member."""
    key: str | None = None
    """Column that no two rows may share (with a `time`: within a delivery)."""
    label: str | None = None
    """Column, boolean or a number above 0, that says what a model was to learn from a row."""
    csv: Csv | None = None
    """How a text file is laid out."""
    explode: dict[str, str] = Field(default_factory=dict)
    """Columns with several values in one text, and what separates them; `"[]"` for a JSON list."""
    upstream: tuple[str, ...] = ()
    """Tables that this one is made from: what is wrong there will later be wrong here."""
    timeout: Duration = timedelta(minutes=2)
    """After how long a query is cancelled."""
    unit: str | None = Field(default=None, pattern=r"^[^\W\d_][\w \-]*$", max_length=40)
    """What its rows are called in messages, in the plural (`"impressions"`); by default "rows"."""

    @field_validator("key", mode="before")
    @classmethod
    def _one_column(cls, key: object) -> object:
        if isinstance(key, list):
            raise ValueError("is one column; of several write key = [...] in a check of kind duplicates")
        return key

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if self.path and self.url:
            raise ValueError("has both path and url; a table is in one place")
        if not (self.path or self.url or self.select):
            raise ValueError("has no path, url or select; say where its rows are")
        if (self.files or self.functions) and not self.select:
            raise ValueError("has files or functions but no select, which would read or call them")
        if self.url and not (self.table or self.select):
            raise ValueError("has a url but no table and no select; say which table of that database")
        if self.window <= timedelta(0):
            raise ValueError("window must be longer than nothing; for instance 1m or 1d")
        if self.timeout <= timedelta(0):
            raise ValueError("timeout must be longer than nothing; for instance 2m")
        if self.every is not None and self.every <= timedelta(0):
            raise ValueError("every must be longer than nothing; for instance 10s")
        if empty := [name for name, separator in self.separators.items() if not separator]:
            raise ValueError(f'explode.{empty[0]} is empty; write what separates values, such as "|"')
        return self

    @model_validator(mode="after")
    def _not_as_our_own(self) -> Self:
        named = (self.time, self.item, self.member, self.key, self.label, *self.dimensions, *self.explode)
        if own := [name for name in named if name and name.startswith(OWN_PREFIX)]:
            raise ValueError(
                f'names the column "{own[0]}", but names that begin with {OWN_PREFIX} are the checks\' own; '
                f'give it another name in a select, such as SELECT *, "{own[0]}" AS {own[0].strip("_")} …'
            )
        return self

    @property
    def separators(self) -> dict[str, str]:
        """Column that holds several values in one text → what separates them."""
        return {**(self.csv.explode if self.csv else {}), **self.explode}

    @property
    def looks_every(self) -> timedelta:
        """How often to look: `every`, by default once per window."""
        return self.every or self.window
