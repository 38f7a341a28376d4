"""
One look at a recommender: every check that is due, each against what its table holds now.

A check that fails is a finding of its own, and the others go on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

import pandas as pd
from pydantic import Field

from domain.detection.cause import BLIND
from domain.detection.checks import CHECKS, METRICS
from domain.detection.counts import Counts, counts_of
from domain.detection.explain import without_shadows
from domain.detection.freshness import Silences, judge_freshness
from domain.detection.spoiled import planned_for
from domain.detection.state import CheckState, Seen, Spoiled, Verdict
from domain.detection.window import Grid
from domain.errors import RecsysopsError
from domain.recommender.recommender import Recommender
from domain.recommender.schedule import UPDATED
from domain.values import Finding, Severity, Value
from workers import model_quality, own, quality, redaction
from workers.merited import AGAINST_MERIT, held_against_merit
from workers.plan import MAX_BINS, Plan, due_end, grid_of, looks_per_week, plan, silence_width, window_checks
from workers.sources.count import count_windows, time_bins
from workers.sources.ranking import METRIC_ROWS

FAULT, LATE = "check fault", "check late"
Wrong = Mapping[str, tuple[Spoiled, ...]]
"""Check → times that are known to have been wrong."""


class State(Value):
    """What all checks remember between looks, by check name; JSON with `model_dump_json`."""

    checks: dict[str, CheckState] = Field(default_factory=dict)


class TickResult(Value):
    """
    What one look came to.

    `findings` open or repeat an incident each. `cleared` are fingerprints of earlier findings that are over
    (the metric is as expected again). `notes` say of a check why it could not judge.
    """

    findings: tuple[Finding, ...] = ()
    cleared: tuple[str, ...] = ()
    notes: dict[str, str] = Field(default_factory=dict)
    state: State = State()


def run_checks(
    recommender: Recommender, at: datetime, state: State | None = None, wrong: Wrong | None = None
) -> TickResult:
    """
    Look once, at `at` (aware UTC): every volume, freshness and slice check whose newest complete window has
    not been judged yet. Windows end at or before `at` − settle. Call it as often as you like; not twice at
    once.

    Args:
        wrong: what the log knows of times to learn nothing from, see `workers.past`.
    """
    before = state or State()
    checks, findings, notes = dict(before.checks), list[Finding](), dict[str, str]()
    cleared: list[str] = []
    for check in window_checks(recommender):
        planned = plan(recommender, check)
        memory = checks.get(check.name, CheckState())
        known = (*planned_for(recommender, check), *(wrong or {}).get(check.name, ()))
        memory = memory.model_copy(update={"known": known})
        end = due_end(recommender, planned, at)
        if memory.last_window_end is not None and end <= memory.last_window_end:
            continue
        try:
            if (still := waits(recommender, planned, end, at, memory)) is not None:
                checks[check.name] = still.state
                findings += still.findings
                continue
            verdict = look(recommender, planned, end, memory)
        except Exception as error:  # noqa: BLE001 - whatever a check raises must not stop the others
            verdict = fault(planned, end, error, memory)
        checks[check.name] = verdict.state.model_copy(update={"last_window_end": end})
        findings += verdict.findings
        cleared += verdict.cleared
        if verdict.note:
            notes[check.name] = verdict.note
    return TickResult(
        findings=explained(recommender, findings),
        cleared=tuple(cleared),
        notes=notes,
        state=State(checks=checks),
    )


def waits(
    recommender: Recommender, planned: Plan, end: datetime, at: datetime, memory: CheckState
) -> Verdict | None:
    """
    Of a check that is due when its table is updated: what to say while no row of the window that ends at
    `end` is there; None once there is one. Late is what has not come a whole window later.

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
    The findings of one look without totals that a slice explains: each told by what people hear of, and in
    the shadow by what stays there, so that no check in the shadow silences another.
    """
    loud, quiet = list[Finding](), list[Finding]()
    for finding in findings:
        check = recommender.checks.get(finding.check)
        (quiet if check is not None and check.shadow else loud).append(finding)
    return (*without_shadows(loud), *without_shadows(quiet))


def look(recommender: Recommender, planned: Plan, end: datetime, memory: CheckState) -> Verdict:
    """
    One check at the window that ends at `end`.

    Raises:
        SourceError: the table cannot be read as declared.
    """
    if planned.check.kind == "freshness":
        width = silence_width(planned)
        start = end - min(planned.history, MAX_BINS * width)
        bins = time_bins(recommender, planned.table.name, start, end, width)
        silences = Silences(bins, width.total_seconds(), end.timestamp())
        return judge_freshness(planned.check, silences, memory)
    if planned.check.kind in METRICS:
        ask, grid = METRIC_ROWS[planned.check.kind], grid_of(recommender, planned, end)
        metric = ask(recommender, planned.check, grid, planned.dimensions)
        return METRICS[planned.check.kind](planned.check, metric, memory)
    if planned.check.own:
        return own.look_own(data_look(recommender, planned, grid_of(recommender, planned, end)), memory)
    if planned.check.kind in quality.KINDS:
        grid = grid_of(recommender, planned, end)
        return quality.look_at_rows(data_look(recommender, planned, grid), memory)
    if planned.check.kind in model_quality.KINDS:
        now = data_look(recommender, planned, grid_of(recommender, planned, end))
        return model_quality.look_at_model(now, memory)
    counts = read_counts(recommender, planned, grid_of(recommender, planned, end))
    verdict = CHECKS[planned.check.kind](planned.check, counts, memory, looks_per_week(planned))
    if planned.check.kind == AGAINST_MERIT:
        return held_against_merit(recommender, planned.check, verdict)
    return verdict


def read_counts(recommender: Recommender, planned: Plan, grid: Grid) -> Counts:
    """The counts of a check's table over `grid`, one query."""
    frame: pd.DataFrame = count_windows(
        recommender,
        planned.table.name,
        grid,
        dimensions=planned.dimensions,
        ways=planned.check.ways,
        measure=planned.check.measure,
    )
    return counts_of(frame, grid)


def data_look(recommender: Recommender, planned: Plan, grid: Grid) -> quality.Look:
    """What `workers.quality` needs to look at the rows of a plan's table."""
    weekly = looks_per_week(planned)
    return quality.Look(recommender, planned.check, planned.dimensions, grid, weekly, planned.history)


def fault(planned: Plan, end: datetime, error: Exception, memory: CheckState) -> Verdict:
    """A check that could not look, as a finding: a blind spot is an incident too."""
    says = str(error) if isinstance(error, RecsysopsError) else f"{type(error).__name__}: {error}"
    says = redaction.prose(says)
    first = says.strip().splitlines()[0] if says.strip() else type(error).__name__
    verdict = blind(planned, FAULT, (end - planned.window, end), f"cannot look: {first}", memory)
    return verdict.model_copy(update={"note": first})


def blind(
    planned: Plan, subject: str, window: tuple[datetime, datetime], says: str, memory: CheckState
) -> Verdict:
    """A check that did not see a time: over with its next look."""
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
    seen = Seen(slice=(), since=window[1], told=True, blind=True)
    state = memory.model_copy(update={"seen": {**memory.seen, finding.fingerprint: seen}})
    return Verdict(findings=(finding,), state=state, judged=False)
