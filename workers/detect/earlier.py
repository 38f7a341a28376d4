"""
Keeps what a check remembered some looks ago, and which windows it has looked at since, so that the looks that
found something can be walked again as they were.

The level a look begins with, what it takes as usual and which times it learns nothing from depend on the
looks before it; and a late look skips windows. For each check two former memories are kept, the older one
from before all windows that share a row with the newest; once the check finds something new, that one is
kept under the finding's name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from pydantic import ValidationError
from sqlalchemy import Connection, Engine

from domain.detection.judge.state import CheckState
from domain.values import Finding
from workers.checks.plan import Plan
from workers.checks.run import State
from workers.store.memory import drop_before, recall, remember

APART, MOST_APART = 8, 90  # looks
KEPT = timedelta(days=7)  # an incident is diagnosed, and so frozen, within minutes
_BEFORE = "found:"

Earlier = Mapping[str, list[dict[str, Any]]]
"""Check → its former memories, newest first: `state` as JSON, and the `ends` looked at since."""


class Former(NamedTuple):
    """A former memory of a check, and the ends of the windows it has looked at since then."""

    memory: CheckState
    ends: tuple[datetime, ...]


def passed(
    earlier: Earlier, before: State, after: State, plans: Iterable[Plan]
) -> dict[str, list[dict[str, Any]]]:
    """The former memories after a look of these plans' checks, which began with `before`."""
    apart = {one.check.name: apart_of(one) for one in plans}
    return {
        name: _passed(earlier.get(name, []), began, after.checks.get(name, began), apart[name])
        for name, began in before.checks.items()
        if name in apart and began.last_window_end is not None
    }


def apart_of(planned: Plan) -> timedelta:
    """The least by which the second of two former memories is older than the first."""
    return min(planned.window + APART * planned.every, MOST_APART * planned.every)


def _passed(
    former: list[dict[str, Any]], began: CheckState, after: CheckState, apart: timedelta
) -> list[dict[str, Any]]:
    if _far_enough(former, began, apart):
        former = [{"state": began.model_dump(mode="json"), "ends": []}, *former[:1]]
    if after.last_window_end is None or after.last_window_end == began.last_window_end:
        return former
    looked = after.last_window_end.isoformat()
    return [{**one, "ends": [*one["ends"], looked]} for one in former]


def _far_enough(former: list[dict[str, Any]], began: CheckState, apart: timedelta) -> bool:
    newest = former[0]["state"]["last_window_end"] if former else None
    if newest is None or began.last_window_end is None:
        return True
    return began.last_window_end - datetime.fromisoformat(newest) >= apart


def keep_for(
    connection: Connection, findings: Iterable[Finding], earlier: Earlier, before: State, at: datetime
) -> None:
    """Keep the oldest former memory of each check that found something new, in the caller's transaction."""
    for finding in _new(findings, before):
        if former := earlier.get(finding.check):
            remember(
                connection, _BEFORE + finding.fingerprint, {"window_end": finding.window_end, **former[-1]}
            )
            drop_before(connection, _BEFORE, at - KEPT)


def _new(findings: Iterable[Finding], before: State) -> Iterator[Finding]:
    for finding in findings:
        seen = before.checks.get(finding.check, CheckState()).seen.get(finding.fingerprint)
        if seen is None or not seen.reported:
            yield finding


def before_it_was_found(log: Engine, finding: Finding) -> Former | None:
    """What a finding's check remembered some looks before it reported it; None where that was not kept."""
    with log.connect() as connection:
        kept = recall(connection, _BEFORE + finding.fingerprint)
    if kept is None or datetime.fromisoformat(kept["window_end"]) != finding.window_end:
        return None
    try:
        memory = CheckState.model_validate(kept["state"])
    except ValidationError:  # kept by a release with another format
        return None
    return Former(memory, tuple(datetime.fromisoformat(end) for end in kept["ends"]))
