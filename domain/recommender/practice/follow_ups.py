"""What becomes of a follow-up that was accepted."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal, Self

from pydantic import Field, model_validator

from domain.recommender.keys.duration import Duration
from domain.values import Value


class FollowUps(Value):
    """What becomes of an accepted follow-up, who owns it, and what is proposed."""

    apply: Literal["write", "pull_request", "propose"] = "propose"
    """`"write"` adds an accepted check to the declaration; `"pull_request"` opens one with it; `"propose"`
    shows the diff to a person."""
    deployer: str | None = None
    """A deployer of kind `pull_request`: pull requests are opened in its repository and left for people to
    merge."""
    file: str = Field(default="recsysops.toml", min_length=1)
    """The declaration's file in that repository."""
    owner: str | None = None
    """Who owns follow-ups: one of `[people.NAME]`. By default whoever accepted the follow-up."""
    due_days: int = Field(default=14, ge=1)
    """Days from its acceptance until it is due. A single reminder is then posted in its thread."""
    most_alarms_a_week: float = Field(default=1.0, gt=0.0)
    """A check that would add more alarms a week than this is not proposed."""
    replay_time: Duration = timedelta(seconds=90)
    """Longest time for all replays of an incident's follow-ups together; what was not replayed by then is not
    proposed. The worker does nothing else meanwhile."""

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        if self.apply == "pull_request" and self.deployer is None:
            raise ValueError('apply = "pull_request" needs deployer = the name of one of kind pull_request')
        if self.file.startswith("/") or ".." in self.file.split("/"):
            raise ValueError("file: write it from the top of the repository, as in ops/recsysops.toml")
        return self
