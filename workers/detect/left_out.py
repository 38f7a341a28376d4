"""Looks that were missed too long ago to make up for: reported once, since one outage is one cause."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from domain.detection.judge.state import Verdict
from domain.values import Severity
from workers.checks.plan import Plan
from workers.checks.run import LATE, State, blind
from workers.detect.table_checks import MOST_MISSED_LOOKS, Kept, TableChecks, looked_at, memory_of, state_of


class LeftOut(NamedTuple):
    """The table whose look reports it, the check that reports it, and the verdict."""

    table: str
    check: str
    verdict: Verdict

    def once_reported(self, kept: Kept) -> Kept:
        """What the table's checks remember after it is reported."""
        state = State(checks={**state_of(kept).checks, self.check: self.verdict.state})
        return {**kept, "state": state}


def left_out(every: Iterable[TableChecks], kept: Mapping[str, Kept], at: datetime) -> LeftOut | None:
    """
    One finding for all looks before `at` that are not made up for; None if there are none.

    Args:
        kept: table → what its checks remember.
    """
    missed: list[tuple[datetime, datetime, Plan]] = []
    for one in every:
        last = looked_at(kept[one.table])
        for planned in one.plans if last is not None else ():
            step = planned.step
            until = at - MOST_MISSED_LOOKS * step
            if last is not None and last + step < until:
                missed.append((until, last, planned))
    if not missed:
        return None
    until, _last, worst = max(missed, key=lambda one: one[0])
    since = min(last for _until, last, _planned in missed)
    others = f"and {len(missed) - 1} more " if len(missed) > 1 else ""
    says = f"{others}did not run from {since:%Y-%m-%d %H:%M} to {until:%Y-%m-%d %H:%M} UTC"
    table, check = worst.table.name, worst.check.name
    verdict = blind(worst, LATE, (since, until), says, memory_of(kept[table], check))
    # It is over: there is nothing left to hurry for.
    severity = worst.check.severity or Severity.SEV4
    findings = tuple(one.model_copy(update={"severity": severity}) for one in verdict.findings)
    return LeftOut(table, check, verdict.model_copy(update={"findings": findings}))
