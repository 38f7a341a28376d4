"""What can be done about an incident."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import Any, Self

from pydantic import Field, field_validator, model_validator

from domain.recommender.keys.apart import with_options_apart
from domain.recommender.keys.duration import Duration
from domain.recommender.keys.evidences import TestId
from domain.values import CauseKind, Share, Value

HOTFIX_GROUP = "recsysops.hotfixes"
"""The group of entry points where a kind is found under its name."""


MOST_HELD_OUT = 0.5
"""Share of members, 0–1; a hotfix that is not served to most of them is still in a stage."""


class Replay(Value):
    """
    How logged traffic is replayed to price the hotfix; `table` is where deliveries or a standby are read
    from.
    """

    kind: str
    """How logged requests are replayed to price the hotfix."""
    table: str | None = None
    """Table of the deliveries or of the standby, for `snapshot` and `standby`."""
    feature: str | None = None
    """The feature that is filled in, for `fill_feature`."""
    amount: float | None = None
    """What is added to the score, for `boost_items`."""


class DeclaredHotfix(Value):
    """
    A hotfix that the team offers: the keys that every hotfix has. Further keys of its `kind` are its
    `options`, which the kind itself reads as typed values.

    `causes` are the kinds of cause it fits; `deploy_seconds` how long until it is in force;
    `second_person_above` the share of traffic touched above which whoever asked may not approve. `evidences`
    are tests of the ML Test Score that it is evidence for once it has worked in an incident, such as
    `infra-7` for one that restores the previous model. `guards` are checks: where one alarms on what the
    hotfix touches, it is reverted automatically. `stages` are shares of members: each is watched for `watch`
    before the next. `hold_out` is the share of members who are never served it, so that its worth can be
    measured. `remind` is how long before it expires people are reminded; an hour, or a tenth of its time if
    less.
    """

    name: str
    kind: str
    """What it does: a kind of ours or an installed one."""
    label: str
    """What the menu calls it."""
    does: str = ""
    """A sentence on what it does, for the menu."""
    causes: tuple[CauseKind, ...] = Field(min_length=1)
    """Kinds of cause that it fits."""
    options: dict[str, Any] = Field(default_factory=dict)
    deployer: str
    """Which of `[deployers.NAME]` it is sent to."""
    deploy_seconds: float = Field(default=60.0, ge=0.0)
    """Seconds until it is in force."""
    undo: str = "1 click"
    """What undoing it takes, in words."""
    expires: Duration | None = timedelta(days=7)
    """How long it stays in force, unless renewed."""
    watch: Duration = timedelta(minutes=15)
    """How long it is watched after a deployment, or at each stage."""
    second_person_above: Share = 1.0
    """Share of traffic touched above which a second person has to approve it."""
    replay: Replay | None = None
    """How logged requests are replayed to price it, where its kind does not say."""
    evidences: tuple[TestId, ...] = ()
    """Tests of the ML Test Score that it is evidence for once it has worked in an incident."""
    guards: tuple[str, ...] = ()
    """Checks whose alarm on what it touches reverts it."""
    stages: tuple[Share, ...] = ()
    """
    Shares of members, each larger than the last, up to 1.0; each is watched before the next. By default
    all members at once.
    """
    hold_out: float = Field(default=0.0, ge=0.0, le=MOST_HELD_OUT)
    """
    Share of members who are never served it, the same ones all the time, at most a half: what it is worth
    today is measured against them. For deployers that serve by member. By default nobody.
    """
    remind: Duration | None = None
    """
    How long before it expires people are reminded. By default an hour, or a tenth of its time if that
    is less.
    """

    @field_validator("stages")
    @classmethod
    def _ascending(cls, stages: tuple[float, ...]) -> tuple[float, ...]:
        ascending = all(one < other for one, other in pairwise((0.0, *stages)))
        if stages and not (ascending and stages[-1] == 1.0):
            raise ValueError("stages are shares of members, each larger than the last, up to 1.0")
        return stages

    @model_validator(mode="after")
    def _held_out_at_the_last_stage_alone(self) -> Self:
        if any(share + self.hold_out > 1.0 for share in self.stages[:-1]):
            raise ValueError("a stage before the last serves members who are held out; take it out of stages")
        return self

    @model_validator(mode="before")
    @classmethod
    def _apart(cls, declared: Any) -> Any:
        """Move a kind's own keys, which are declared beside the others, into `options`."""
        return with_options_apart(declared, cls.model_fields)


COMMON_TO_HOTFIXES = frozenset(DeclaredHotfix.model_fields)
"""Keys that every kind has; no option of a kind may have one of these names."""
