"""Models, the items they score, and the launches to come."""

from __future__ import annotations

from datetime import timedelta
from typing import Self

from pydantic import Field, model_validator

from domain.recommender.expectation import Expectation
from domain.recommender.keys.duration import Duration
from domain.recommender.keys.nearest import nearest
from domain.values import Value


class Items(Value):
    """
    Which table describes the items: one row per item, by `key`; `launch` is the column with the time from
    which it could be shown.
    """

    table: str
    """Table of the items, one row per item."""
    key: str
    """Column that identifies an item."""
    title: str | None = None
    """Column with the name that people know the item by."""
    launch: str | None = None
    """Column with the time from which it could be shown."""
    features: tuple[str, ...] = ()
    """Columns that describe an item."""


class Members(Value):
    """
    Which table describes the members: one row per member, by `key`; `joined` is the column with the time at
    which the member joined, and `features` are those by which comparable members are found.
    """

    table: str
    """Table of the members, one row per member."""
    key: str
    """Column that identifies a member."""
    joined: str | None = None
    """Column with the time at which the member joined."""
    features: tuple[str, ...] = ()
    """Columns by which comparable members are found."""


class Registry(Value):
    """
    What says which version should serve: a JSON file at `path`, and the key in it that holds the `version`
    (`"production.version"` where it is nested). `since` is the key of the time from which it should serve; by
    default that is when the file was last written. `digest` is the key of the SHA-256 of that version's model
    file.
    """

    path: str
    """JSON file that says which version should serve."""
    version: str
    """Key in it that holds the version; `production.version` where it is nested."""
    since: str | None = None
    """Key of the time from which it should serve; by default when the file was last written."""
    digest: str | None = None
    """Key of the SHA-256 of the model file of that version."""


class Kept(Value):
    """Where the files of former versions are: `path` with `{version}` in it (`"models/{version}.skops"`)."""

    path: str
    """Where the files of former versions are, with `{version}` in it."""

    @model_validator(mode="after")
    def _named(self) -> Self:
        if "{version}" not in self.path:
            raise ValueError('path has no {version} in it; write for instance "models/{version}.skops"')
        return self


class Logging(Value):
    """
    How requests are sampled into the candidates' log: a uniform `share` of all, and in each `window` the
    equivalent of `k` requests from every slice by one of the `dimensions` (a name, or a list of names for
    slices of several) that has `k / max_rate` or more; smaller slices are logged at `max_rate`. The serving
    side is given the same settings.

    `requests` is the table that holds every request: each once by the column `request` (by default the
    model's own `request`) if the table has it; else a row is one request, or as many as its column `measure`
    says.
    """

    dimensions: tuple[str | tuple[str, ...], ...] = Field(min_length=1)
    """Dimensions whose slices get enough logged requests: names, or lists of names for slices of several."""
    share: float = Field(default=0.015, gt=0.0, le=1.0)
    """Uniform share of all requests that is logged."""
    k: int = Field(default=30, ge=1)
    """Logged requests per window that each large enough slice is worth."""
    window: Duration = timedelta(minutes=10)
    """Span of time in which `k` holds."""
    max_rate: float = Field(default=0.05, gt=0.0, le=1.0)
    """Largest share of a slice's requests that is logged."""
    requests: str | None = None
    """Table that holds every request."""
    request: str | None = None
    """Column of `requests` that identifies a request; by default the model's own."""
    measure: str | None = None
    """Column of `requests` that says how many requests a row stands for."""

    @model_validator(mode="after")
    def _named(self) -> Self:
        if not all(self.dimensions):
            raise ValueError(
                'dimensions has an empty one; write for instance ["country", ["country", "device"]]'
            )
        if self.window <= timedelta(0):
            raise ValueError("window must be longer than nothing; for instance 10m")
        return self

    @property
    def sets(self) -> tuple[tuple[str, ...], ...]:
        """The dimensions, each as a tuple of names."""
        return tuple((one,) if isinstance(one, str) else one for one in self.dimensions)

    @property
    def names(self) -> tuple[str, ...]:
        """Every named dimension, once."""
        return tuple(dict.fromkeys(name for one in self.sets for name in one))


class Model(Value):
    """
    A model file and the log of what it scored.

    `features` are columns of the `candidates` table in the order that the model takes them; `request`,
    `item`, `score` and `shown` are columns there too, as are `rank` (1 is the highest score; otherwise
    computed from the score) and `version` (of the model that scored) where they exist. `top` is how many
    places a request fills, `inclusion` the column with the probability (above 0, at most 1) with which the
    request was logged, where not all were equally likely, and `logging` how requests are selected. `registry`
    is what says which version should serve. `learned_from` are the tables that hold what it was trained on:
    what is wrong there is later wrong in whatever it scores, in any slice. `digest` is the SHA-256 of the
    file; a file with another one is not opened. `kept` says where former versions are. The model runs in a
    process of its own: `timeout` is how long an answer may take there, `memory_mb` how much memory it may
    use. What the team `expects` of it is tested on logged candidates in each diagnosis.
    """

    name: str
    path: str
    """Model file: `.skops`, LightGBM's `.txt`, or `.onnx`."""
    features: tuple[str, ...] = Field(min_length=1)
    """Columns of `candidates`, in the order that the model takes them."""
    candidates: str | None = None
    """Table with the log of what it scored, one row per request and item."""
    request: str | None = None
    """Column that identifies the request."""
    item: str | None = None
    """Column that identifies the item."""
    score: str | None = None
    """Column with the logged score."""
    shown: str | None = None
    """Column that is true where the item was shown."""
    propensity: str | None = None
    """Column with the probability with which the item was shown."""
    rank: str | None = None
    """Column with the rank, 1 the highest score; by default computed from the score."""
    version: str | None = None
    """Column with the version of the model that scored."""
    inclusion: str | None = None
    """Column with the probability with which the request was logged (above 0, at most 1)."""
    logging: Logging | None = None
    """How requests are selected for the log."""
    registry: Registry | None = None
    """What says which version should serve."""
    digest: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")
    """SHA-256 of the model file; a file with another one is not opened."""
    kept: Kept | None = None
    """Where the files of former versions are."""
    timeout: Duration = timedelta(minutes=1)
    """Longest time that an answer of the model's process may take."""
    memory_mb: int = Field(default=2_048, ge=64)
    """Most memory of the model's process, in MB."""
    learned_from: tuple[str, ...] = ()
    """Tables that it was trained on."""
    top: int = Field(default=10, ge=1)
    """How many places a request fills."""
    expects: tuple[Expectation, ...] = ()
    """What the team expects of it, tested on logged candidates in each diagnosis."""

    @model_validator(mode="after")
    def _of_its_features(self) -> Self:
        for one in self.expects:
            for name in one.features:
                if name not in self.features:
                    raise ValueError(f"expects something of `{name}`, {nearest(name, self.features)}")
        return self


class Launches(Value):
    """
    The launch calendar: snapshots of what was known about each item before its launch, and what became of it.
    """

    table: str
    """Table of the launch calendar: what was known of each item before its launch, and what became of it."""
    snapshot: str
    """Column with the time at which a row was known."""
    launch: str
    """Column with the time of the launch."""
    item: str
    """Column that identifies the item."""
    features: tuple[str, ...] = Field(min_length=1)
    """Columns that the forecast uses."""
    outcome: str
    """Column with what became of the launch."""
    horizon: Duration = timedelta(days=28)
    """How far ahead launches are forecast."""
    lead: Duration = timedelta(days=7)
    """How long before a launch the forecast has to be known."""
