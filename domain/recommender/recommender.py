"""The whole declaration."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from pydantic import Field, SerializeAsAny

from domain.recommender.bundle import Bundle
from domain.recommender.check import Check
from domain.recommender.deployer import Deployer
from domain.recommender.exposure import Exposure
from domain.recommender.holidays import NO_HOLIDAYS, Holidays
from domain.recommender.hotfix import DeclaredHotfix
from domain.recommender.model import Items, Launches, Members, Model
from domain.recommender.objective import Objective
from domain.recommender.person import Person
from domain.recommender.planned import Planned
from domain.recommender.practice.follow_ups import FollowUps
from domain.recommender.practice.rehearsals import Rehearsals, Replays
from domain.recommender.practice.tracker import Tracker
from domain.recommender.route import Need, Permissions, Routes, Stakeholder
from domain.recommender.table import Table
from domain.recommender.witness import Witness
from domain.values import Finding, Hours, Severity, Value

SHADOW = "shadow"
"""The reason why nobody is notified of what a check on trial finds."""


class Recommender(Value):
    """
    One recommender as its team declared it; paths are absolute.

    `folder` is where the declaration is. Names in it have been checked against each other.
    """

    name: str
    timezone: str = "UTC"
    holidays: Holidays = NO_HOLIDAYS
    folder: str = "."
    tables: dict[str, Table]
    items: Items | None = None
    members: Members | None = None
    models: dict[str, Model] = Field(default_factory=dict)
    launches: Launches | None = None
    exposure: Exposure | None = None
    objective: Objective = Objective()
    checks: dict[str, Check] = Field(default_factory=dict)
    hotfixes: dict[str, DeclaredHotfix] = Field(default_factory=dict)
    deployers: dict[str, SerializeAsAny[Deployer]] = Field(default_factory=dict)
    trackers: dict[str, SerializeAsAny[Tracker]] = Field(default_factory=dict)
    stakeholders: dict[str, Stakeholder] = Field(default_factory=dict)
    routes: Routes = Routes()
    people: dict[str, Person] = Field(default_factory=dict)
    permissions: Permissions = Permissions()
    planned: tuple[Planned, ...] = ()
    silences: tuple[Planned, ...] = ()
    witness: dict[str, SerializeAsAny[Witness]] = Field(default_factory=dict)
    bundle: Bundle = Bundle()
    rehearsals: Rehearsals = Rehearsals()
    replays: Replays = Replays()
    follow_ups: FollowUps = FollowUps()

    @property
    def zone(self) -> ZoneInfo:
        """The time zone in which its days begin."""
        return ZoneInfo(self.timezone)

    @property
    def item_key(self) -> str:
        """What identifies an item: the key of the table that describes them, where one is declared."""
        return self.items.key if self.items else "item"

    def model_of(self, table: str) -> Model | None:
        """The model whose candidates the table holds."""
        return next((model for model in self.models.values() if model.candidates == table), None)

    def permitted(self, need: Need) -> frozenset[str]:
        """Who has this permission: handles of groups, member ids, and names under [people] with their ids."""
        return frozenset((*getattr(self.permissions, need), *self.permitted_in_slack(need)))

    def permitted_in_slack(self, need: Need) -> tuple[str, ...]:
        """Who has it, as Slack knows them: handles of groups and member ids, in the order of the file."""
        named: tuple[str, ...] = getattr(self.permissions, need)
        members = (self.people[name].slack if name in self.people else name for name in named)
        return tuple(member for member in members if member is not None)

    def alone(self, kind: str) -> Hours | None:
        """The hours when one person may deploy a hotfix of this kind; None where the hour does not matter."""
        declared = self.permissions.alone
        return declared.hours(kind, self.timezone) if declared else None

    def quiet(self, finding: Finding) -> str | None:
        """Why nobody is notified of a finding, in words; None where somebody is."""
        if (check := self.checks.get(finding.check)) is not None and check.shadow:
            return SHADOW
        for word, times in (("planned", self.planned), ("silence", self.silences)):
            for one in times:
                if one.covers(finding):
                    return f"{word}: {one.name}"
        return None

    def channels(self, table: str, severity: Severity) -> tuple[str, ...]:
        """
        Where an incident of this table and severity is announced: the route first, then the stakeholders.
        """
        first = getattr(self.routes, severity.value) or self.routes.default
        others = (s.channel for s in self.stakeholders.values() if not s.tables or table in s.tables)
        return tuple(dict.fromkeys((first, *others)))
