"""What becomes of a follow-up that was accepted."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from domain.values import Value


class FollowUps(Value):
    """
    `apply`: "write" has an accepted change written into the declaration, "propose" shows it as a diff that a
    person applies. A check that would add more than `most_alarms_a_week` to those there are is not proposed.
    """

    apply: Literal["write", "propose"] = "propose"
    most_alarms_a_week: float = Field(default=1.0, gt=0.0)
