"""The columns of a table and what they hold, against what was declared or last accepted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from domain.detection.data.check_run import CheckRun
from domain.detection.data.columns import Columns
from domain.detection.judge.again.measure import Measurement
from domain.detection.judge.judging import Again, Judging
from domain.detection.judge.state import CheckState, Verdict, confirm
from domain.detection.kind import Kind
from domain.detection.needs import ColumnTypes
from domain.recommender.check import Check
from domain.recommender.options import OfColumns, Types
from domain.values import Finding, Severity


class Keys(Types, OfColumns):
    """The columns that must be there and what they hold, or the columns to examine."""


WORDS = {
    "integer": "whole numbers",
    "number": "numbers",
    "text": "text",
    "boolean": "yes or no",
    "time": "times",
    "other": "something else",
}
LONG = 3_600.0
GONE, NEW, RETYPED = "columns gone", "new columns", "columns of another type"
OF = " of type "


def judge_schema(check: Check, columns: Columns, state: CheckState) -> Verdict:
    """
    Columns that are gone, new, or of another type: one finding each.

    Compared with `types` of the declaration, else with what was accepted: all columns at the first look, and
    a change once it has stood for the check's history.
    """
    types = Keys.of(check).types
    now = _chosen(check, columns.types)
    if not types and state.accepted is None:
        kept = state.model_copy(update={"accepted": dict(now)})
        return Verdict(
            state=kept, judged=False, note="columns recorded; changes are reported from the next check run on"
        )
    known = types or state.accepted or {}
    findings = [finding for _column, finding in _changes(check, columns, known, now)]
    verdict = confirm(state, findings, LONG, columns.window_start)
    if types:
        return verdict
    accepted = dict(known)
    for column, finding in _changes(check, columns, known, now):
        seen = verdict.state.seen.get(finding.fingerprint)
        if seen and seen.since < columns.accept_before:
            accepted.pop(column, None)
            accepted |= {column: now[column]} if column in now else {}
    return verdict.model_copy(update={"state": verdict.state.model_copy(update={"accepted": accepted})})


def _chosen(check: Check, types: Mapping[str, str]) -> dict[str, str]:
    """The columns to examine: those named, those declared, else all."""
    keys = Keys.of(check)
    named = keys.columns or tuple(keys.types)
    return {name: held for name, held in types.items() if not named or name in named}


def _changes(
    check: Check, columns: Columns, known: Mapping[str, str], now: Mapping[str, str]
) -> Iterator[tuple[str, Finding]]:
    """(column, finding) of every difference."""
    for column in sorted({*known, *now}):
        before, after = known.get(column), now.get(column)
        if before == after or (after == "integer" and before == "number" and Keys.of(check).types):
            continue
        if after is None:
            says = f"column {column} is gone"
            yield column, _finding(check, columns, column, GONE, Severity.SEV2, says)
        elif before is None:
            says = f"a new column {column}, of {WORDS[after]}"
            yield column, _finding(check, columns, column, NEW, Severity.SEV4, says)
        else:
            worst = Severity.SEV4 if {before, after} == {"integer", "number"} else Severity.SEV2
            says = f"column {column} holds {WORDS[after]}, before {WORDS[before]}"
            yield column, _finding(check, columns, f"{column}{OF}{before}", RETYPED, worst, says)


def restored(finding: Finding, types: Mapping[str, str]) -> bool:
    """Whether the finding's subject is as it was, in a table that now has `types`."""
    column, _of, before = str(finding.subject).partition(OF)
    if finding.unit == NEW:
        return column not in types
    return column in types if finding.unit == GONE else types.get(column) == before


def _finding(
    check: Check, columns: Columns, subject: str, unit: str, severity: Severity, says: str
) -> Finding:
    return Finding(
        check=check.name,
        table=check.table or "",
        subject=subject,
        window_start=columns.window_start,
        window_end=columns.window_end,
        observed=1.0,
        expected=0.0,
        unit=unit,
        p_value=0.0,
        severity=check.severity or severity,
        title=f"{check.table}: {says}",
    )


def _verdict(run: CheckRun, columns: Columns, memory: CheckState) -> Verdict:
    return judge_schema(run.check, columns, memory)


def _measured(_look: CheckRun, columns: Columns, again: Again[Columns]) -> Measurement:
    """Whether the finding's column is again as it was: present, absent, or of its type."""
    back = restored(again.finding, columns.types)
    return Measurement(observed=0.0 if back else 1.0, expected=0.0, low=0.0, high=0.0, p_value=float(back))


KIND = Kind(
    name="schema",
    purpose="columns gone, new, or of another type",
    example={"types": {"rating": "number"}},
    options=Keys,
    needs=ColumnTypes(),
    judging=Judging(_verdict, _measured),
    sliced="never",
    evidences=("data-1", "monitor-1", "monitor-2"),
)
