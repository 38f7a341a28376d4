"""Models, the items they score, and the launches to come."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from domain.recommender.duration import Duration
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


class Registry(Value):
    """
    What says which version should serve: a JSON file at `path`, and the key in it that holds the `version`
    (`"production.version"` where it lies deeper). `since` is the key of the time from which on it should;
    where none is named, that is when the file was last written.
    """

    path: str
    version: str
    since: str | None = None


class Model(Value):
    """
    A model file and the log of what it scored.

    `features` are columns of the `candidates` table in the order that the model takes them; `request`,
    `item`, `score` and `shown` are columns there too, `rank` (1 the highest score; else worked out from the
    score) and `version` (of the model that scored) where there are any. `top` is how many places a request
    fills, `registry` what says which version should serve. `learned_from` are the tables that hold what it
    was trained on: what is wrong there is wrong later in whatever it scores, in any slice.
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
    registry: Registry | None = None
    learned_from: tuple[str, ...] = ()
    top: int = Field(default=10, ge=1)


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
