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
    Which table describes the items: one row an item, by `key`; `launch` is the column with the time from
    which on it could be shown.
    """

    table: str
    key: str
    title: str | None = None
    launch: str | None = None
    features: tuple[str, ...] = ()


class Members(Value):
    """
    Which table describes the members: one row a member, by `key`; `joined` is the column with the time since
    when, and `features` those by which comparable members are found.
    """

    table: str
    key: str
    joined: str | None = None
    features: tuple[str, ...] = ()


class Registry(Value):
    """
    What says which version should serve: a JSON file at `path`, and the key in it that holds the `version`
    (`"production.version"` where it lies deeper). `since` is the key of the time from which on it should;
    where none is named, that is when the file was last written. `digest` is the key of the SHA-256 of the
    model file that belongs to that version.
    """

    path: str
    version: str
    since: str | None = None
    digest: str | None = None


class Kept(Value):
    """Where the files of former versions are: `path` with `{version}` in it (`"models/{version}.skops"`)."""

    path: str

    @model_validator(mode="after")
    def _named(self) -> Self:
        if "{version}" not in self.path:
            raise ValueError('path has no {version} in it; write for instance "models/{version}.skops"')
        return self


class Logging(Value):
    """
    How requests get into the candidates' log: a uniform `share` of all, and in each `window` what is worth
    `k` requests of every slice by one of the `dimensions` (a name, or a list of names for slices of several)
    that has `k / max_rate` or more; smaller slices have `max_rate` of theirs. What serves is told the same.

    `requests` is the table that every request is in: by the column `request`, if it has it (the model's own
    `request` if not given), each once; else a row is a request, or as many as its column `measure` says.
    """

    dimensions: tuple[str | tuple[str, ...], ...] = Field(min_length=1)
    share: float = Field(default=0.015, gt=0.0, le=1.0)
    k: int = Field(default=30, ge=1)
    window: Duration = timedelta(minutes=10)
    max_rate: float = Field(default=0.05, gt=0.0, le=1.0)
    requests: str | None = None
    request: str | None = None
    measure: str | None = None

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
        """The dimensions, each as names."""
        return tuple((one,) if isinstance(one, str) else one for one in self.dimensions)

    @property
    def names(self) -> tuple[str, ...]:
        """Every dimension that is named, once."""
        return tuple(dict.fromkeys(name for one in self.sets for name in one))


class Model(Value):
    """
    A model file and the log of what it scored.

    `features` are columns of the `candidates` table in the order that the model takes them; `request`,
    `item`, `score` and `shown` are columns there too, `rank` (1 the highest score; else worked out from the
    score) and `version` (of the model that scored) where there are any. `top` is how many places a request
    fills, `inclusion` the column with the probability (above 0, at most 1) with which the request was taken
    into that log, where not all were as likely, and `logging` how they are taken. `registry` is what says
    which version should serve. `learned_from` are the tables that hold what it was trained on: what is wrong
    there is wrong later in whatever it scores, in any slice. `digest` is the SHA-256 of the file, which is
    then not opened where it has another; `kept` says where former versions are. The model runs in a process
    of its own: `timeout` is how long an answer may take there, `memory_mb` how much memory it may use. What
    the team `expects` of it is held against logged candidates in each diagnosis.
    """

    name: str
    path: str
    features: tuple[str, ...] = Field(min_length=1)
    candidates: str | None = None
    request: str | None = None
    item: str | None = None
    score: str | None = None
    shown: str | None = None
    propensity: str | None = None
    rank: str | None = None
    version: str | None = None
    inclusion: str | None = None
    logging: Logging | None = None
    registry: Registry | None = None
    digest: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")
    kept: Kept | None = None
    timeout: Duration = timedelta(minutes=1)
    memory_mb: int = Field(default=2_048, ge=64)
    learned_from: tuple[str, ...] = ()
    top: int = Field(default=10, ge=1)
    expects: tuple[Expectation, ...] = ()

    @model_validator(mode="after")
    def _of_its_features(self) -> Self:
        for one in self.expects:
            for name in one.features:
                if name not in self.features:
                    raise ValueError(f"expects something of `{name}`, {nearest(name, self.features)}")
        return self


class Launches(Value):
    """
    The launch calendar: snapshots of what was known of each item before its launch, and what became of it.
    """

    table: str
    snapshot: str
    launch: str
    item: str
    features: tuple[str, ...] = Field(min_length=1)
    outcome: str
    horizon: Duration = timedelta(days=28)
    lead: Duration = timedelta(days=7)
