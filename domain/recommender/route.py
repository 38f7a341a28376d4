"""Who is notified, and who may press."""

from __future__ import annotations

from datetime import time
from typing import Literal, get_args

from pydantic import Field, field_validator

from domain.values import Hours, Value


class Stakeholder(Value):
    """A channel that hears of incidents in `tables` (all of them when none is named)."""

    name: str
    channel: str
    """Channel that hears of incidents."""
    tables: tuple[str, ...] = ()
    """Tables whose incidents it hears of; all if none is named."""


class Routes(Value):
    """Where an incident is announced: by severity, or else in `default`."""

    default: str = "#recsysops"
    """Channel for severities that have none of their own."""
    SEV1: str | None = None
    """Channel for SEV1."""
    SEV2: str | None = None
    """Channel for SEV2."""
    SEV3: str | None = None
    """Channel for SEV3."""
    SEV4: str | None = None
    """Channel for SEV4."""


Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = get_args(Day)


class Alone(Value):
    """
    When one person may deploy a hotfix of these `kinds` (of every kind, if none is named): on `days`, from
    one time of day to another in the recommender's zone. Outside these hours a second person has to approve
    it.
    """

    start: time = Field(alias="from")
    """Time of day at which one person may begin to deploy, in the recommender's time zone."""
    end: time = Field(alias="to")
    """Time of day from which a second person is needed."""
    days: tuple[Day, ...] = Field(default=DAYS, min_length=1)
    """Days on which one person may deploy."""
    kinds: tuple[str, ...] = ()
    """Kinds of hotfix that this is about; every kind if none is named."""

    @field_validator("start", "end")
    @classmethod
    def _of_the_zone(cls, given: time) -> time:
        if given.tzinfo is not None:
            raise ValueError("is in the recommender's timezone; write it without an offset, like 09:00")
        return given

    def hours(self, kind: str, zone: str) -> Hours | None:
        """The hours for a kind of hotfix; None where these do not apply to it."""
        if self.kinds and kind not in self.kinds:
            return None
        days = tuple(DAYS.index(day) for day in self.days)
        return Hours(start=self.start, end=self.end, days=days, zone=zone)


Need = Literal["respond", "deploy", "approve", "break_glass"]
"""The permission that a press needs."""

NEEDS: tuple[Need, ...] = get_args(Need)


class Permissions(Value):
    """
    Who may respond, choose and deploy a hotfix, and approve one for somebody else; and which of those who may
    deploy may do so without the second person that a hotfix needs, giving a reason (`break_glass`): user
    groups in Slack by handle, people by member id or by their name under [people]. If nobody is named, nobody
    may. `alone` says in which hours one person may deploy without a second.
    """

    respond: tuple[str, ...] = ()
    """Who may acknowledge, silence, note, close, and read the pages."""
    deploy: tuple[str, ...] = ()
    """Who may choose and deploy a hotfix."""
    approve: tuple[str, ...] = ()
    """Who may approve a hotfix for somebody else."""
    break_glass: tuple[str, ...] = ()
    """Who among those that may deploy may do so without the second person, giving a reason."""
    alone: Alone | None = None
    """Hours in which one person may deploy without a second."""
