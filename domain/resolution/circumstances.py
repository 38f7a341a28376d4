"""What a menu is made from: the finding, its diagnosis, and what was read to price hotfixes on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import pandas as pd

from domain.diagnosis.material import Standby
from domain.prediction.mended import Mended
from domain.resolution.stage import Stage
from domain.values import Diagnosis, Finding, Slice


@dataclass(frozen=True)
class Circumstances:
    """
    What the menu is made from.

    Args:
        stage: replayable traffic, null where there is none; `no_stage` says why.
        previous: the items as the delivery before last had them, by `key`; `delivered_at` of the last one.
        standby: rows of the slice in the table and in its standby.
        mended: forecasts of a launch as it is and if `feature` had its value.
        at: when the menu is made.
        rewards_a_day: what members choose in a day, in what is counted; `visits`: requests a member makes
            in one.
    """

    finding: Finding
    diagnosis: Diagnosis
    stage: Stage | None = None
    no_stage: str = ""
    previous: pd.DataFrame | None = None
    key: str = "item_id"
    delivered_at: datetime | None = None
    former: Mapping[str, str] = field(default_factory=dict)
    standby: Standby | None = None
    mended: Mended | None = None
    at: datetime | None = None
    noun: str = "items"
    rewards_a_day: float | None = None
    visits: float | None = None

    @property
    def items(self) -> list[str]:
        """The items concerned, by the diagnosis; else the one that the finding is about."""
        found = self.diagnosis.items
        return list(found) or ([self.finding.item] if self.finding.item else [])

    @property
    def slice(self) -> Slice:
        """The symptom's first slice, by the diagnosis; else the finding's."""
        slices = self.diagnosis.slices
        return slices[0] if slices else self.finding.slice
