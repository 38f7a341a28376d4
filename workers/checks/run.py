"""
One look at a recommender: every check that is due, each against what its table holds now.

A check that fails becomes a finding itself, and the others carry on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from time import process_time

from pydantic import Field

from domain.detection.correlate.explained import without_shadows
from domain.detection.correlate.same_cause import BLIND
from domain.detection.judge.excluded import planned_for
from domain.detection.judge.state import CheckState, ExcludedWindow, TrackedFinding, Verdict
from domain.errors import sanitized
from domain.recommender.keys.schedule import UPDATED
from domain.recommender.recommender import Recommender
from domain.values import Finding, Severity, Value
from workers.checks.check_run import run_check
from workers.checks.plan import Plan, plans_of
from workers.environment import redaction
from workers.sources.aggregate.count import time_bins
from workers.sources.engines.files import kept_open

FAULT, LATE = "check fault", "check late"
Wrong = Mapping[str, tuple[ExcludedWindow, ...]]
"""Check → times known to have been wrong."""


class State(Value):
    """What all checks remember between looks, by check name; JSON via `model_dump_json`."""

    checks: dict[str, CheckState] = Field(default_factory=dict)


class RunResult(Value):
    """
    The result of one look.

    Each of the `findings` opens or repeats an incident. `cleared` are fingerprints of earlier findings that
    are over (the metric is as expected again). `notes` say why a check could not judge, or what it cannot
    judge yet; checks that did not judge at all are `unjudged`. `seconds` is the processor time of each check
    that looked.
    """

    findings: tuple[Finding, ...] = ()
    cleared: tuple[str, ...] = ()
    notes: dict[str, str] = Field(default_factory=dict)
    unjudged: frozenset[str] = frozenset()
    seconds: dict[str, float] = Field(default_factory=dict)
    state: State = State()


@kept_open()
def run_checks(
    recommender: Recommender,
    at: datetime,
    state: State | None = None,
    wrong: Wrong | None = None,
    plans: Iterable[Plan] | None = None,
) -> RunResult:
    """
    Look once, at `at` (aware UTC), with every check whose newest complete window has not been judged yet.
    Windows end at or before `at` − settle. Call it as often as you like, but not concurrently.

    Args:
        wrong: times that the log says to learn nothing from, see `workers.detect.past`.
        plans: of the checks to look with; of all that are declared if not given.
    """
    before = state or State()
    checks, findings, notes = dict(before.checks), list[Finding](), dict[str, str]()
    cleared, unjudged, seconds = list[str](), set[str](), dict[str, float]()
    for planned in plans_of(recommender) if plans is None else plans:
        check = planned.check
        memory = checks.get(check.name, CheckState())
        known = (*planned_for(recommender, check), *(wrong or {}).get(check.name, ()))
        memory = memory.model_copy(update={"known": known, "accept_after": planned.accept_after})
        end = planned.due_end(at)
        if memory.last_window_end is not None and end <= memory.last_window_end:
            continue
        began = process_time()
        try:
            if (still := waits(recommender, planned, end, at, memory)) is not None:
                checks[check.name] = still.state
                findings += still.findings
                continue
            verdict = run_check(recommender, planned, end, memory)
        except Exception as error:  # noqa: BLE001 - whatever a check raises must not stop the others
            verdict = fault(planned, end, error, memory)
        seconds[check.name] = process_time() - began
        checks[check.name] = verdict.state.model_copy(update={"last_window_end": end})
        findings += verdict.findings
        cleared += verdict.cleared
        if verdict.note:
            notes[check.name] = verdict.note
        if not verdict.judged:
            unjudged.add(check.name)
    return RunResult(
        findings=explained(recommender, findings),
        cleared=tuple(cleared),
        notes=notes,
        unjudged=frozenset(unjudged),
        seconds=seconds,
        state=State(checks=checks),
    )


def waits(
    recommender: Recommender, planned: Plan, end: datetime, at: datetime, memory: CheckState
) -> Verdict | None:
    """
    For a check that is due when its table is updated: its verdict while the window that ends at `end` has no
    row; None once there is one. An update is late after a whole further window.

    Raises:
        SourceError: the table cannot be read as declared.
    """
    if planned.check.schedule != UPDATED:
        return None
    if len(time_bins(recommender, planned.table.name, end - planned.window, at, planned.window)):
        return None
    oldest = min(end, (memory.last_window_end or end) + planned.window)
    if at < oldest + planned.table.settle + planned.window:
        return Verdict(state=memory)
    since = oldest - planned.window
    says = f"waits for an update: {planned.table.name} has no row since {since:%Y-%m-%d %H:%M} UTC"
    return blind(planned, LATE, (since, end), says, memory)


def explained(recommender: Recommender, findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """
    The findings of one look without totals that a slice explains: alerts explain only alerts, and findings in
    shadow mode only others in shadow mode, so that no check in shadow mode silences another.
    """
    loud, quiet = list[Finding](), list[Finding]()
    for finding in findings:
        check = recommender.checks.get(finding.check)
        (quiet if check is not None and check.shadow else loud).append(finding)
    return (*without_shadows(loud), *without_shadows(quiet))


def fault(planned: Plan, end: datetime, error: Exception, memory: CheckState) -> Verdict:
    """Report a check that could not look as a finding: a blind spot is an incident too."""
    says = sanitized(error)
    says = redaction.prose(says)
    first = says.strip().splitlines()[0] if says.strip() else type(error).__name__
    verdict = blind(planned, FAULT, (end - planned.window, end), f"cannot look: {first}", memory)
    return verdict.model_copy(update={"note": first})


def blind(
    planned: Plan, subject: str, window: tuple[datetime, datetime], says: str, memory: CheckState
) -> Verdict:
    """Report a check that did not see some time; over with its next look."""
    finding = Finding(
        check=planned.check.name,
        table=planned.table.name,
        subject=subject,
        window_start=window[0],
        window_end=window[1],
        observed=0.0,
        expected=1.0,
        unit=BLIND,
        p_value=0.0,
        severity=planned.check.severity or Severity.SEV3,
        title=f"The check {planned.check.name} {says}"[:300],
    )
    seen = TrackedFinding(slice=(), since=window[1], reported=True, blind=True)
    state = memory.model_copy(update={"seen": {**memory.seen, finding.fingerprint: seen}})
    return Verdict(findings=(finding,), state=state, judged=False)
