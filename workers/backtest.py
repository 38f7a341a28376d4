"""
The checks walked over the past as if it were live: one query a check, then look after look on the small
frame.

Every look sees only what had happened by then; what it finds is folded into incidents as the log would fold
it. A look that cannot be taken is a fault, told beside the incidents: it says nothing of the past.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path

from pydantic import Field

from domain.detection.state import Verdict
from domain.errors import SourceError
from domain.recommender.recommender import SHADOW, Recommender
from domain.values import Finding, Moment, Severity, Slice, Value
from workers.detect import explained
from workers.plan import KINDS, Plan, plan, window_checks
from workers.walk import Fault, together
from workers.walks import Kept, Progress, walks

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
    """
    All findings in order of time, the incidents they fold into, and how many a week that is.

    `looks` counts those that were taken; `faults` are the others.
    """

    start: Moment
    end: Moment
    findings: tuple[Finding, ...] = ()
    incidents: tuple[BacktestIncident, ...] = ()
    faults: tuple[Fault, ...] = ()
    looks: int = 0
    notes: dict[str, str] = Field(default_factory=dict)

    @property
    def incidents_per_week(self) -> float:
        """Incidents opened, a week."""
        return len(self.incidents) / max((self.end - self.start) / timedelta(weeks=1), 1e-9)

    def report(self) -> dict[str, object]:
        """What `--json` writes: findings and incidents as plain values, and faults where there are any."""
        written: dict[str, object] = {
            "findings": [_plain(finding) for finding in self.findings],
            "incidents": [
                {**incident.model_dump(mode="json"), "slice": dict(incident.slice)}
                for incident in self.incidents
            ],
        }
        faults = [fault.model_dump(mode="json") for fault in self.faults]
        return {**written, "faults": faults} if faults else written


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
    recommender: Recommender,
    start: datetime,
    end: datetime,
    progress: Progress | None = None,
    jobs: int = 1,
    resume: Path | None = None,
) -> BacktestResult:
    """
    Every look that would have been taken in [start, end), and the incidents that would have come of them.

    Args:
        start, end: aware. History before `start` is used where the tables have it.
        progress: called with (looks done, looks in all) now and then.
        jobs: how many checks are walked at once; what comes out is the same.
        resume: a file in which finished checks are kept, and found again by the next run.

    Raises:
        ValueError: `end` is not after `start`, or no check is declared that can be walked.
        ConfigurationError: `resume` is the file of another backtest.
        SourceError: not a single look could be taken.
    """
    if end <= start:
        raise ValueError("the end of a backtest must be after its start")
    plans = plans_of(recommender)
    if not plans:
        raise ValueError(
            f"there is nothing to walk: declare a check, [checks.NAME], of kind {' or '.join(KINDS)}"
        )
    kept = Kept(resume, recommender, start, end) if resume else None
    walked = walks(recommender, plans, (start, end), jobs, kept, progress)
    verdicts: list[tuple[datetime, str, Verdict]] = []
    faults: list[Fault] = []
    for planned in plans:
        for at, came_to in walked[planned.check.name]:
            if isinstance(came_to, Fault):
                faults.append(came_to)
            else:
                verdicts.append((at, planned.check.name, came_to))
    if faults and not verdicts:
        raise SourceError("\n".join(dict.fromkeys(fault.says for fault in faults)))
    result = fold(recommender, start, end, sorted(verdicts, key=lambda v: (v[0], v[1])))
    return result.model_copy(update={"faults": together(faults)})


def _announced(recommender: Recommender, finding: Finding) -> bool:
    """Whether somebody said it beforehand. What is on trial is walked as if it were not."""
    return recommender.quiet(finding) not in (None, SHADOW)


def plans_of(recommender: Recommender) -> list[Plan]:
    """The declared checks that can be walked."""
    return [plan(recommender, check) for check in window_checks(recommender)]


def fold(
    recommender: Recommender,
    start: datetime,
    end: datetime,
    verdicts: list[tuple[datetime, str, Verdict]],
) -> BacktestResult:
    """The incidents of looks in order of time: when each was taken, by which check, what it came to."""
    incidents, findings, notes = _Open(), list[Finding](), dict[str, str]()
    for at, looks in groupby(verdicts, key=lambda verdict: verdict[0]):
        together = [(name, verdict) for _at, name, verdict in looks]
        told = explained(
            recommender, [finding for _name, verdict in together for finding in verdict.findings]
        )
        findings += told
        for finding in told:
            if not _announced(recommender, finding):
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
