"""
The checks walked over the past as if it were live: one query a check, then look after look on the small
frame.

Every look sees only what had happened by then; what it finds is folded into incidents as the log would fold
it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby

from pydantic import Field

from domain.detection.checks import CHECKS, Judge
from domain.detection.counts import Counts
from domain.detection.explain import without_shadows
from domain.detection.freshness import Silences, judge_freshness
from domain.detection.state import CheckState, Verdict
from domain.detection.window import grid_until, last_end
from domain.recommender.recommender import Recommender
from domain.values import Finding, Moment, Severity, Slice, Value
from workers.detect import (
    KINDS,
    MAX_BINS,
    Plan,
    fault,
    looks_per_week,
    plan,
    read_counts,
    silence_width,
)
from workers.sources.count import time_bins, zone_of

Progress = Callable[[int, int], None]
WORST = (Severity.SEV1, Severity.SEV2, Severity.SEV3, Severity.SEV4)


class BacktestIncident(Value):
    """One incident that would have been opened; `ended_at` null: still open at the end."""

    check: str
    table: str
    slice: Slice = ()
    opened_at: Moment
    ended_at: Moment | None = None
    severity: Severity
    title: str
    findings: int = 1
    window_start: Moment
    window_end: Moment


class BacktestResult(Value):
    """All findings in order of time, the incidents they fold into, and how many a week that is."""

    start: Moment
    end: Moment
    findings: tuple[Finding, ...] = ()
    incidents: tuple[BacktestIncident, ...] = ()
    looks: int = 0
    notes: dict[str, str] = Field(default_factory=dict)

    @property
    def incidents_per_week(self) -> float:
        """Incidents opened, a week."""
        return len(self.incidents) / max((self.end - self.start) / timedelta(weeks=1), 1e-9)

    def report(self) -> dict[str, object]:
        """What `--json` writes: findings and incidents as plain values."""
        return {
            "findings": [_plain(finding) for finding in self.findings],
            "incidents": [
                {**incident.model_dump(mode="json"), "slice": dict(incident.slice)}
                for incident in self.incidents
            ],
        }


def _plain(finding: Finding) -> dict[str, object]:
    keys = ("check", "table", "window_start", "window_end", "observed", "expected", "p_value", "severity")
    told = finding.model_dump(mode="json", include=set(keys))
    return {"check": told["check"], "table": told["table"], "slice": dict(finding.slice)} | {
        key: told[key] for key in keys[2:]
    }


@dataclass
class _Open:
    """Incidents being folded: those still open, by fingerprint of their latest finding."""

    standing: dict[str, BacktestIncident] = field(default_factory=dict)
    ended: list[BacktestIncident] = field(default_factory=list)

    def take(self, finding: Finding, at: datetime) -> None:
        """The same finding, or one of an overlapping slice, continues its incident; another opens one."""
        known = finding.fingerprint if finding.fingerprint in self.standing else self._overlapping(finding)
        before = self.standing.pop(known) if known else None
        if before is None:
            before = BacktestIncident(
                **finding.model_dump(
                    include={"check", "table", "slice", "severity", "title", "window_start"}
                ),
                opened_at=at,
                findings=0,
                window_end=finding.window_end,
            )
        worst = min(before.severity, finding.severity, key=WORST.index)
        self.standing[finding.fingerprint] = before.model_copy(
            update={"findings": before.findings + 1, "severity": worst, "window_end": finding.window_end}
        )

    def clear(self, fingerprint: str, at: datetime, taken: set[str]) -> None:
        """The finding is over; so is its incident, unless this look continued it under another slice."""
        if fingerprint in self.standing and fingerprint not in taken:
            self.ended.append(self.standing.pop(fingerprint).model_copy(update={"ended_at": at}))

    def _overlapping(self, finding: Finding) -> str | None:
        for fingerprint, incident in self.standing.items():
            one, other = set(incident.slice), set(finding.slice)
            same = incident.check == finding.check and bool(one) == bool(other)
            if same and (one <= other or other <= one) and finding.subject is None:
                return fingerprint
        return None


def backtest(
    recommender: Recommender, start: datetime, end: datetime, progress: Progress | None = None
) -> BacktestResult:
    """
    Every look that would have been taken in [start, end), and the incidents that would have come of them.

    Args:
        start, end: aware. History before `start` is used where the tables have it.
        progress: called with (looks done, looks in all) now and then.

    Raises:
        ValueError: `end` is not after `start`.
    """
    if end <= start:
        raise ValueError("the end of a backtest must be after its start")
    plans = [plan(recommender, c) for c in recommender.checks.values() if c.kind in KINDS]
    ends = {p.check.name: _ends(recommender, p, start, end) for p in plans}
    in_all, done = sum(map(len, ends.values())), 0
    verdicts: list[tuple[datetime, str, Verdict]] = []
    for planned in plans:
        for at, verdict in _walk(recommender, planned, ends[planned.check.name]):
            verdicts.append((at, planned.check.name, verdict))
            done += 1
            if progress and (done % 100 == 0 or done == in_all):
                progress(done, in_all)
    return _fold(start, end, sorted(verdicts, key=lambda v: (v[0], v[1])))


def _fold(start: datetime, end: datetime, verdicts: list[tuple[datetime, str, Verdict]]) -> BacktestResult:
    incidents, findings, notes = _Open(), list[Finding](), dict[str, str]()
    for at, looks in groupby(verdicts, key=lambda verdict: verdict[0]):
        together = [(name, verdict) for _at, name, verdict in looks]
        told = without_shadows(finding for _name, verdict in together for finding in verdict.findings)
        findings += told
        for finding in told:
            incidents.take(finding, at)
        taken = {finding.fingerprint for finding in told}
        for name, verdict in together:
            for fingerprint in verdict.cleared:
                incidents.clear(fingerprint, at, taken)
            notes |= {name: verdict.note} if verdict.note else {}
    every = sorted([*incidents.ended, *incidents.standing.values()], key=lambda i: i.opened_at)
    return BacktestResult(
        start=start,
        end=end,
        findings=tuple(findings),
        incidents=tuple(every),
        looks=len(verdicts),
        notes=notes,
    )


def _ends(recommender: Recommender, planned: Plan, start: datetime, end: datetime) -> list[datetime]:
    """The ends of all windows that lie in [start, end]; a look is taken when each is complete."""
    zone = zone_of(recommender)
    ends: list[datetime] = []
    moment = last_end(end, planned.window, planned.every, zone)
    while moment > start:
        ends.append(moment)
        moment = last_end(moment - timedelta(seconds=1), planned.window, planned.every, zone)
    return ends[::-1]


def _walk(
    recommender: Recommender, planned: Plan, ends: list[datetime]
) -> Iterator[tuple[datetime, Verdict]]:
    state = CheckState()
    if not ends:
        return
    looks = _silences(recommender, planned, ends) if planned.check.kind == "freshness" else None
    try:
        judged = looks or _counted(recommender, planned, ends)
        for end, judge in judged:
            verdict = judge(state)
            state = verdict.state
            yield end + planned.table.settle, verdict
    except Exception as error:  # noqa: BLE001 - as live: a check that cannot look is a finding, the others go on
        yield ends[-1] + planned.table.settle, fault(planned, ends[-1], error, state)


Looks = Iterator[tuple[datetime, Callable[[CheckState], Verdict]]]


def _silences(recommender: Recommender, planned: Plan, ends: list[datetime]) -> Looks:
    width = silence_width(planned)
    back = min(planned.history, MAX_BINS * width)
    bins = time_bins(recommender, planned.table.name, ends[0] - back, ends[-1], width)
    for end in ends:
        at = end.timestamp()
        seen = bins[(bins >= at - back.total_seconds()) & (bins + width.total_seconds() <= at)]
        silences = Silences(seen, width.total_seconds(), at)
        yield end, partial(judge_freshness, planned.check, silences)


def _counted(recommender: Recommender, planned: Plan, ends: list[datetime]) -> Looks:
    """
    Looks whose windows end on the same beat share one grid and one query; overlapping windows take one for
    each beat.
    """
    zone = zone_of(recommender)
    beats = max(1, round(planned.window / planned.every))
    history = max(1, int(planned.history / planned.window))
    grids: list[tuple[Counts, dict[datetime, int]]] = []
    for beat in range(min(beats, len(ends))):
        own = ends[beat::beats]
        grid = grid_until(own[-1], planned.window, planned.history + (own[-1] - own[0]), zone)
        places = {grid.edge(i + 1): i for i in range(grid.count)}
        grids.append((read_counts(recommender, planned, grid), places))
    judge = CHECKS[planned.check.kind]
    for place, end in enumerate(ends):
        counts, places = grids[place % beats]
        now = counts.until(places[end], history)
        yield end, partial(_judge, judge, planned, now)


def _judge(judge: Judge, planned: Plan, counts: Counts, state: CheckState) -> Verdict:
    return judge(planned.check, counts, state, looks_per_week(planned))
