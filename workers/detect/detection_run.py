"""Looks at the recommender and writes to the log: findings open or repeat incidents, and are cleared."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import structlog
from sqlalchemy import Engine

from domain.detection.judge.state import CheckState
from domain.recommender.recommender import Recommender
from domain.values import Finding
from workers.checks.run import FAULT, RunResult, State, run_checks
from workers.detect.end_incidents import DETECTOR, clear
from workers.detect.left_out import LeftOut, left_out
from workers.detect.look_again import look_again
from workers.detect.open_incidents import open_incidents
from workers.detect.past import wrong_times
from workers.detect.quietly import quietly
from workers.detect.record import begin_records
from workers.detect.run_outcomes import RunOutcome
from workers.detect.table_checks import Kept, TableChecks, looked_at, recall_all, state_of, table_checks
from workers.store.lock import alone, in_turn

_log = structlog.get_logger(__name__)


def detection_run(log: Engine, recommender: Recommender, at: datetime) -> int:
    """
    Look once at every table, and report looks that an outage left out; returns the number of findings.

    No table is looked at twice at once, and several ticks share the tables: one that another tick is looking
    at is skipped. What a table's checks remember is saved after their findings, so a kill in between repeats
    the look, and the findings' keys make that harmless.
    """
    tables = table_checks(recommender)
    begin_records(log, [planned.check for one in tables for planned in one.plans], at)
    late = left_out(tables, recall_all(log, tables), at)
    found = 0
    for one in sorted(tables, key=lambda one: late is None or one.table != late.table):
        with alone(log, f"tick:{one.memory}") as mine:
            if mine:
                found += _look_at(log, recommender, one, at, late)
    look_again(log, recommender, DETECTOR, at)
    return found


def _look_at(
    log: Engine, recommender: Recommender, one: TableChecks, at: datetime, late: LeftOut | None
) -> int:
    """Take all looks at one table that are due by `at`; those that were left out are reported first."""
    kept = one.recall(log)
    if not one.due(kept, at):
        return 0
    moments, overdue = one.moments(looked_at(kept), at), tuple[Finding, ...]()
    if late is not None and late.table == one.table:
        kept, overdue = late.once_reported(kept), late.verdict.findings
    found = 0
    for moment in moments:
        found += _look(log, recommender, one, moment, kept, overdue)
        kept, overdue = one.recall(log), ()
    return found


def _look(
    log: Engine,
    recommender: Recommender,
    one: TableChecks,
    moment: datetime,
    kept: Kept,
    late: Iterable[Finding],
) -> int:
    """
    Take one look at one table and remember it; returns the number of findings.

    Args:
        kept: what the previous look remembered.
        late: findings from before this look, reported with its own.
    """
    before, clearing = state_of(kept), kept.get("clearing", {})
    wrong = wrong_times(log, recommender, moment, one.plans)
    result = run_checks(recommender, moment, before, wrong, one.plans)
    for check, note in result.notes.items():
        if note != kept.get("notes", {}).get(check):
            _log.info("check_did_not_judge", check=check, note=note)
    alerts = [f for f in result.findings if f.subject != FAULT or f.fingerprint in kept.get("blind", ())]
    alerts = quietly(log, recommender, [*late, *alerts], moment)
    found, waiting = 0, dict[str, datetime]()
    if alerts or clearing or result.cleared:
        # Findings with one cause are one incident, also if they are found in two tables at once.
        with in_turn(log, "incidents"):
            found = open_incidents(log, alerts, DETECTOR, result.state, recommender=recommender)
            waiting = clear(log, recommender, result, alerts, clearing, moment)
    one.remember(log, result, moment, waiting, _looks(before, result), kept)
    return found


def _looks(before: State, result: RunResult) -> list[RunOutcome]:
    """The checks that looked: those that judged a new window, or tried to."""
    failed = {finding.check for finding in result.findings if finding.subject == FAULT}
    return [
        RunOutcome(
            name,
            failed=name in failed,
            judged=name not in result.unjudged,
            seconds=result.seconds.get(name, 0.0),
        )
        for name, after in result.state.checks.items()
        if after.last_window_end != before.checks.get(name, CheckState()).last_window_end
    ]
