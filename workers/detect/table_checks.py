"""The checks of one table: what is due, and what they remember together between looks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine

from domain.detection.judge.state import CheckState
from domain.recommender.recommender import Recommender
from workers.checks.plan import Plan, plans_of
from workers.checks.run import FAULT, RunResult, State
from workers.detect.earlier import keep_for, passed
from workers.detect.run_outcomes import RunOutcome, count_runs
from workers.store.memory import recall, recall_beginning, remember

MEMORY = "detect:"
MOST_MISSED_LOOKS = 60

Kept = Mapping[str, Any]
"""
What is remembered: `state`, `earlier` states, `looked_at`, `clearing`, `notes` and `blind`; empty before the
first look.
"""


@dataclass(frozen=True)
class TableChecks:
    """A table's name, and the plans of its checks."""

    table: str
    plans: tuple[Plan, ...]

    @property
    def memory(self) -> str:
        """The name of its checks' memory, and of the lock that allows one look at a time."""
        return f"{MEMORY}{self.table}"

    def due(self, kept: Kept, at: datetime) -> bool:
        """Whether there is anything to look at: a new window, or a finding that may be over by now."""
        if kept.get("clearing") or kept.get("blind"):
            return True
        checks = state_of(kept).checks
        ended = {name: state.last_window_end for name, state in checks.items()}
        for planned in self.plans:
            before = ended.get(planned.check.name)
            if before is None or planned.due_end(at) > before:
                return True
        return False

    def moments(self, looked_at: datetime | None, at: datetime) -> list[datetime]:
        """
        The moments to look at: for each check the latest ones since the last look, a window apart, then now.
        """
        moments = {at}
        for planned in self.plans if looked_at else ():
            step = planned.step
            missed = max((looked_at or at) + step, at - MOST_MISSED_LOOKS * step)
            while missed <= at - step:
                moments.add(missed)
                missed += step
        return sorted(moments)

    def recall(self, log: Engine) -> Kept:
        """What the last look remembered."""
        with log.connect() as connection:
            kept: Kept | None = recall(connection, self.memory)
        return kept or {}

    def remember(
        self,
        log: Engine,
        result: RunResult,
        at: datetime,
        clearing: Kept,
        looks: Iterable[RunOutcome],
        before: Kept,
    ) -> None:
        """
        Keep the result of a look at `at`.

        Args:
            clearing: when to see whether a finding is over.
            before: what was remembered before the look.
        """
        began = state_of(before)
        earlier = passed(before.get("earlier", {}), began, result.state, self.plans)
        kept = {
            "state": result.state.model_dump(mode="json"),
            "looked_at": at,
            "clearing": clearing,
            "earlier": earlier,
            "notes": result.notes,
            # A table unreadable once may just be being written; twice in a row it is a blind spot: reported.
            "blind": [finding.fingerprint for finding in result.findings if finding.subject == FAULT],
        }
        with log.begin() as connection:
            remember(connection, self.memory, kept)
            keep_for(connection, result.findings, earlier, began, at)
            count_runs(connection, self.memory, looks, at)


def table_checks(recommender: Recommender) -> list[TableChecks]:
    """The tables that are looked at, in the order of their first declared check."""
    by_table: dict[str, list[Plan]] = {}
    for planned in plans_of(recommender):
        by_table.setdefault(planned.table.name, []).append(planned)
    return [TableChecks(table, tuple(plans)) for table, plans in by_table.items()]


def recall_all(log: Engine, every: Iterable[TableChecks]) -> dict[str, Kept]:
    """Table → what its checks remember."""
    with log.connect() as connection:
        kept = recall_beginning(connection, MEMORY)
    return {one.table: kept.get(one.memory, {}) for one in every}


def state_of(kept: Kept) -> State:
    """The state of the checks, as remembered."""
    return State.model_validate(kept.get("state", {}))


def looked_at(kept: Kept) -> datetime | None:
    """When the last look was taken."""
    return datetime.fromisoformat(kept["looked_at"]) if "looked_at" in kept else None


def memory_of(kept: Kept, check: str) -> CheckState:
    """What one check remembers."""
    return state_of(kept).checks.get(check, CheckState())
