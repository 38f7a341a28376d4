"""A hotfix in stages: whether those served first lose by it, according to the tables of its guards."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

import structlog

from domain.detection.judge.harm import spent_at
from domain.errors import RecsysopsError
from domain.incident import commands as c
from domain.incident.numbers import amount
from domain.incident.state import Hotfix
from domain.recommender.recommender import Recommender
from domain.resolution.held_out import ByMember, held_out
from domain.resolution.served_first import Fewer, Rows, fewer, parted
from domain.values import Finding, Option
from workers.log.obligations import Work
from workers.respond.resolve.deploy import stage_keys
from workers.sources.logged.rewards import rows_by_member

PARTS = 4  # of a window of the finding: they are compared again after each
BEFORE = 10  # times the length since the deployment that is read before it
LONGEST = timedelta(days=1)
_log = structlog.get_logger(__name__)


class InStage(NamedTuple):
    """A stage from its beginning up to now, and the end of the last look, in it or before."""

    start: datetime
    end: datetime
    looked: datetime | None = None

    def nth(self, step: timedelta) -> int | None:
        """Which comparison is due, counted from 1 at this step; None if the last look made it already."""
        due = (self.end - self.start) // step
        taken = 0 if self.looked is None else max(0, (self.looked - self.start) // step)
        return due if due > taken else None


def harm_to_served(
    work: Work, recommender: Recommender, finding: Finding, hotfix: Hotfix, stage: InStage
) -> c.RecordHarm | None:
    """
    The first table in which the members served have fewer rows than they should, since the stage began or in
    its last day; None if all members are served.
    """
    option = work.incident.option(hotfix.option)
    if option is None or hotfix.applied_at is None or option.served(hotfix.share) >= 1.0:
        return None
    nth = stage.nth((finding.window_end - finding.window_start) / PARTS)
    if nth is None:
        return None
    tables = _tables(recommender, option, finding)
    salt, share = stage_keys(work)[0], option.served(hotfix.share)
    for table in tables:
        try:
            lost = _lost(recommender, table, hotfix.applied_at, stage, salt, share)
        except RecsysopsError as error:
            _log.warning("served_not_compared", table=table, error=str(error))
            continue
        if lost is not None and lost.p_value <= spent_at(nth) / len(tables) / max(1, len(option.stages)):
            return c.RecordHarm(option=hotfix.option, reason=_reason(table, lost, share))
    return None


def _tables(recommender: Recommender, option: Option, finding: Finding) -> list[str]:
    """The tables that name the member; not that of a finding of too many rows, which are meant to fall."""
    checks = (recommender.checks.get(name) for name in option.guards)
    names = dict.fromkeys(check.table for check in checks if check is not None)
    every = {**names, finding.table: None}
    return [
        name
        for name in every
        if name in recommender.tables
        and recommender.tables[name].member is not None
        and not (name == finding.table and finding.change > 0)
    ]


def _lost(
    recommender: Recommender,
    table: str,
    applied_at: datetime,
    stage: InStage,
    salt: str,
    share: float,
) -> Fewer | None:
    start, end = max(stage.start, stage.end - LONGEST), stage.end

    def rows(read: ByMember) -> Rows:
        return parted(read, held_out(read.members, salt, share))

    now = rows(rows_by_member(recommender, table, start, end))
    before = rows(rows_by_member(recommender, table, applied_at - BEFORE * (end - start), applied_at))
    return fewer(before, now, share)


def _reason(table: str, lost: Fewer, share: float) -> str:
    return (
        f"the {100 * share:.0f} % of members who are served it have {amount(lost.observed)} rows of "
        f"`{table}`, where {amount(lost.expected)} are expected by those who are not; chance alone does so "
        "in less than one deployment in a hundred"
    )
