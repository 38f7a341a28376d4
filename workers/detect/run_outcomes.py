"""How often each check looked, and with what success: one row per day and job, for the audit."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection

from domain.improvement.evidenced import LOOKED_BACK, Looks
from workers.store.memory import drop_before, recall, recall_beginning, remember

MEMORY = "looks:"
SUMMED = ("count", "judged", "failed", "seconds")


class RunOutcome(NamedTuple):
    """
    One look of a check: whether it failed, whether it had enough to judge by, and the processor time it took,
    in seconds.
    """

    check: str
    failed: bool
    judged: bool
    seconds: float = 0.0


def count_runs(connection: Connection, job: str, looks: Iterable[RunOutcome], at: datetime) -> None:
    """
    Count these looks, taken at `at`, in the caller's transaction: the one that saves what the checks
    remember.

    Args:
        job: who looks, never twice at once; each job has its own rows, so that none overwrites another's.
    """
    counted = list(looks)
    if not counted:
        return
    name = f"{MEMORY}{at.astimezone(UTC):%Y-%m-%d}:{job}"
    kept = recall(connection, name)
    if kept is None:
        drop_before(connection, MEMORY, at - LOOKED_BACK)
    day: dict[str, Any] = kept or {}
    for look in counted:
        before = day.get(look.check, {"count": 0, "judged": 0, "failed": 0, "seconds": 0.0, "since": at})
        day[look.check] = {
            "count": before["count"] + 1,
            "judged": before["judged"] + look.judged,
            "failed": before["failed"] + look.failed,
            "seconds": before.get("seconds", 0.0) + look.seconds,
            "since": before["since"],
            "last_at": at,
            "failing": look.failed,
        }
    remember(connection, name, day)


def read_runs(connection: Connection, at: datetime) -> dict[str, Looks]:
    """Check → how its looks went in the last `LOOKED_BACK`."""
    first = f"{MEMORY}{(at - LOOKED_BACK).astimezone(UTC):%Y-%m-%d}"
    by_check: dict[str, Looks] = {}
    for name, day in sorted(recall_beginning(connection, MEMORY).items()):
        for check, counted in day.items() if name >= first else ():
            looks = Looks.model_validate(counted)
            by_check[check] = _joined(by_check[check], looks) if check in by_check else looks
    return by_check


def _joined(before: Looks, after: Looks) -> Looks:
    sums = {name: getattr(before, name) + getattr(after, name) for name in SUMMED}
    return after.model_copy(update={**sums, "since": before.since})
