"""What becomes of a follow-up that was accepted."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from domain.values import Value


class FollowUps(Value):
    """What becomes of a check that somebody accepted as a follow-up, and which ones are proposed."""

    apply: Literal["write", "propose"] = "propose"
    """`"write"` adds an accepted check to the declaration; `"propose"` shows the diff to a person."""
    most_alarms_a_week: float = Field(default=1.0, gt=0.0)
    """A check that would add more alarms a week than this is not proposed."""
