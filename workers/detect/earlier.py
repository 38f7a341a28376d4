"""
What a check remembered some looks ago, so that the looks that found something can be walked as they were.

Which level a look begins with, what it takes to be usual and which times it learns nothing from hang on the
looks before it. Of each check two former memories are kept, the older one at least `APART` looks old; once it
tells something new, that one is kept under the finding's name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, Engine

from domain.detection.judge.state import CheckState
from domain.values import Finding
from workers.checks.run import State
from workers.store.memory import drop_before, recall, remember

APART = 16  # looks
KEPT = timedelta(days=7)  # an incident is diagnosed, and so frozen, within minutes
_BEFORE = "found:"

Earlier = Mapping[str, list[Any]]
"""Check → its former memories as JSON, the newest first."""


def passed(earlier: Earlier, before: State) -> dict[str, list[Any]]:
    """The former memories after one more look, which began with `before`."""
    return {name: _passed(earlier.get(name, []), state) for name, state in before.checks.items()}


def _passed(former: list[Any], state: CheckState) -> list[Any]:
    newest = former[0]["wealth"]["looks"] if former else None
    if newest is not None and state.wealth.looks - newest < APART:
        return former
    return [state.model_dump(mode="json"), *former[:1]]


def keep_for(
    connection: Connection, findings: Iterable[Finding], earlier: Earlier, before: State, at: datetime
) -> None:
    """Keep the oldest former memory of each check that tells something new, in the caller's transaction."""
    for finding in _new(findings, before):
        if former := earlier.get(finding.check):
            found = {"window_end": finding.window_end, "state": former[-1]}
            remember(connection, _BEFORE + finding.fingerprint, found)
            drop_before(connection, _BEFORE, at - KEPT)


def _new(findings: Iterable[Finding], before: State) -> Iterator[Finding]:
    for finding in findings:
        seen = before.checks.get(finding.check, CheckState()).seen.get(finding.fingerprint)
        if seen is None or not seen.told:
            yield finding


def before_it_was_found(log: Engine, finding: Finding) -> CheckState | None:
    """What the check of a finding remembered some looks before it told it; None where that was not kept."""
    with log.connect() as connection:
        kept = recall(connection, _BEFORE + finding.fingerprint)
    if kept is None or datetime.fromisoformat(kept["window_end"]) != finding.window_end:
        return None
    try:
        return CheckState.model_validate(kept["state"])
    except ValidationError:  # of a release that remembered otherwise
        return None
