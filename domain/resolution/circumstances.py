"""What a menu is made from: the finding, its diagnosis, and the data that hotfixes are priced on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Literal

import pandas as pd

from domain.diagnosis.material import Standby
from domain.diagnosis.replay import Floats
from domain.incident.numbers import minute
from domain.prediction.repaired import Repaired
from domain.recommender.route import Alone
from domain.resolution.stage import Stage
from domain.values import Diagnosis, Finding, Slice

Serves = Literal["deliveries", "model"]
"""What a recommender serves from that is replaced from time to time and can be rolled back."""


@dataclass(frozen=True)
class Replaced:
    """
    What `was` served from before `at` and is `now` instead: versions of a model, or the times of deliveries.
    """

    at: datetime
    now: str
    was: str


@dataclass(frozen=True)
class Circumstances:
    """
    What the menu is made from.

    Args:
        stage: replayable traffic, null where there is none; `no_stage` says why.
        previous: the items, by `key`, as they were before the delivery that brought the fault.
        replaced: for each thing served from, its last replacement no later than the onset; where it was only
            replaced later, that replacement.
        former_scores: (rows of the stage,) by the version of the model before the one that was replaced.
        standby: rows of the slice in the table and in its standby.
        repaired: forecasts of a launch as it is and as it would be if `feature` had its value.
        at: when the menu is made.
        rewards_a_day: what members choose per day, in the unit counted; `visits`: requests per member and
            day.
        break_glass: somebody is declared who may deploy without the second person that a hotfix needs;
            `alone`: the hours in which it needs none, where it depends on them.
    """

    finding: Finding
    diagnosis: Diagnosis
    stage: Stage | None = None
    no_stage: str = ""
    previous: pd.DataFrame | None = None
    key: str = "item_id"
    replaced: Mapping[Serves, Replaced] = field(default_factory=dict)
    former_scores: Floats | None = None
    former: Mapping[str, str] = field(default_factory=dict)
    standby: Standby | None = None
    repaired: Repaired | None = None
    at: datetime | None = None
    noun: str = "items"
    zone: tzinfo = UTC
    rewards_a_day: float | None = None
    visits: float | None = None
    break_glass: bool = False
    alone: Alone | None = None

    @property
    def items(self) -> list[str]:
        """The items concerned according to the diagnosis; else the one that the finding is about."""
        found = self.diagnosis.items
        return list(found) or ([self.finding.item] if self.finding.item else [])

    @property
    def onset(self) -> datetime:
        """When it began, to within a window."""
        return self.diagnosis.since or self.finding.window_start

    @property
    def onset_by(self) -> datetime:
        """By when it had begun: the end of the window in which the onset lies."""
        return self.onset + (self.finding.window_end - self.finding.window_start)

    def clock(self, moment: datetime) -> str:
        """A time as people read it."""
        return minute(moment)

    @property
    def slice(self) -> Slice:
        """The symptom's first slice according to the diagnosis; else the finding's."""
        slices = self.diagnosis.slices
        return slices[0] if slices else self.finding.slice
