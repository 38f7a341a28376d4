"""
Walks the checks over the past as if they ran live: one query per check, then look after look on the small
frame.

Each look sees only what had happened by then, and its findings are folded into incidents as the log would
fold them. A look that cannot be taken is a fault, reported beside the incidents: it says nothing about the
past.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path

from pydantic import Field

from domain.detection.judge.comparison import Comparison
from domain.detection.judge.state import Verdict
from domain.errors import ConfigurationError, SourceError
from domain.recommender.recommender import Recommender
from domain.values import Finding, Moment, Severity, Slice, Value
from workers.checks.backtest_check import Fault, together
from workers.checks.backtest_checks import Kept, Looked, Progress, Traced, backtest_checks
from workers.checks.fold import Fold, Folded
from workers.checks.plan import plans_of
from workers.checks.quiet import quiet_on_trial
from workers.checks.run import explained
from workers.declaration.own_keys import of_this_house
from workers.sources.engines.files import kept_open

WHOLE: Traced = frozenset({()})
MOST_SLICES = 8  # per check, that are drawn


class BacktestIncident(Value):
    """
    One incident that would have been opened; `ended_at` is null if it is still open at the end. `also` are
    other checks that reported it, `raised_by` the series that did: check, slice, subject and unit.
    """

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
    also: tuple[str, ...] = ()
    raised_by: tuple[tuple[str, Slice, str | None, str], ...] = Field(default=(), exclude=True)


class BacktestResult(Value):
    """
    All findings in order of time, the incidents they fold into, and how many of those there are per week.

    `looks` counts the looks that were taken, `faults` are the others. `judged` are the checks that could
    judge at least once. `comparisons`: check → what its looks compared with what, if a picture is drawn.
    """

    start: Moment
    end: Moment
    findings: tuple[Finding, ...] = ()
    incidents: tuple[BacktestIncident, ...] = ()
    faults: tuple[Fault, ...] = ()
    looks: int = 0
    notes: dict[str, str] = Field(default_factory=dict)
    judged: tuple[str, ...] = ()
    comparisons: dict[str, tuple[Comparison, ...]] = Field(default_factory=dict)

    @property
    def incidents_per_week(self) -> float:
        """Incidents opened per week."""
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
    dumped = finding.model_dump(mode="json", include=set(keys))
    return {"check": dumped["check"], "table": dumped["table"], "slice": dict(finding.slice)} | {
        key: dumped[key] for key in keys[2:]
    }


@kept_open()
def backtest(
    recommender: Recommender,
    start: datetime,
    end: datetime,
    progress: Progress | None = None,
    jobs: int = 1,
    resume: Path | None = None,
    pictured: bool = False,
) -> BacktestResult:
    """
    Every look that would have been taken in [start, end), and the incidents that would have come of them.

    Args:
        start, end: aware. History before `start` is used where the tables have it.
        progress: called with (looks done, looks in all) now and then.
        jobs: how many checks are walked at once; the result is the same.
        resume: a file that keeps finished checks, so that the next run need not walk them again.
        pictured: whether to keep what each look compared with what, see `backtest_picture`.

    Raises:
        ConfigurationError: `end` is not after `start`, or no declared check can be walked.
        ConfigurationError: `resume` is the file of another backtest.
        SourceError: not a single look could be taken.
    """
    if end <= start:
        raise ConfigurationError("the end of a backtest must be after its start")
    plans = plans_of(recommender)
    if not plans:
        kinds = " or ".join(of_this_house())
        raise ConfigurationError(
            f"there is nothing to backtest: declare a check, [checks.NAME], of kind {kinds}"
        )
    kept = Kept(resume, recommender, start, end, pictured) if resume else None
    whole = {planned.check.name: WHOLE for planned in plans} if pictured else None
    walked = backtest_checks(recommender, plans, (start, end), jobs, kept, progress, whole)
    verdicts, faults = _apart(walked, [planned.check.name for planned in plans])
    if faults and not verdicts:
        raise SourceError("\n".join(dict.fromkeys(fault.says for fault in faults)))
    result = fold(recommender, start, end, verdicts)
    with_faults = {"faults": together(faults)}
    if not pictured:
        return result.model_copy(update=with_faults)
    # Only now is it known which slices are worth a picture: walk their checks again, and trace those slices.
    slices = found_in(result)
    again = [planned for planned in plans if planned.check.name in slices]
    walked |= backtest_checks(recommender, again, (start, end), jobs, progress=progress, traced=slices)
    return result.model_copy(update=with_faults | {"comparisons": compared(walked)})


Verdicts = list[tuple[datetime, str, Verdict]]
"""When each look was taken, by which check, and its verdict; in order of time."""


def _apart(walked: Mapping[str, Looked], checks: Iterable[str]) -> tuple[Verdicts, list[Fault]]:
    """The verdicts of these checks' looks, and the looks that could not be taken."""
    looks = [(at, name, came_to) for name in checks for at, came_to in walked[name]]
    verdicts = [(at, name, came_to) for at, name, came_to in looks if isinstance(came_to, Verdict)]
    faults = [came_to for _at, _name, came_to in looks if isinstance(came_to, Fault)]
    return sorted(verdicts, key=lambda look: (look[0], look[1])), faults


def found_in(result: BacktestResult) -> dict[str, Traced]:
    """Check → the whole table and the slices with most findings; only for checks that found any slice."""
    counts: dict[str, Counter[Slice]] = {}
    for finding in result.findings:
        if finding.slice:
            counts.setdefault(finding.check, Counter())[finding.slice] += 1
    return {
        check: WHOLE | {where for where, _looks in slices.most_common(MOST_SLICES)}
        for check, slices in counts.items()
    }


def compared(walked: Mapping[str, Looked]) -> dict[str, tuple[Comparison, ...]]:
    """Check → what its looks compared with what, in order of time."""
    return {
        name: tuple(
            one for _at, came_to in looked if isinstance(came_to, Verdict) for one in came_to.comparisons
        )
        for name, looked in walked.items()
    }


def fold(
    recommender: Recommender,
    start: datetime,
    end: datetime,
    verdicts: Verdicts,
    onto: Fold | None = None,
) -> BacktestResult:
    """
    The incidents that result from looks in order of time, each with its moment, its check and its verdict.
    With `onto`, they are folded onto the incidents of earlier looks, which the result then includes.
    """
    incidents, findings, notes = onto or Fold(recommender), list[Finding](), dict[str, str]()
    for at, looks in groupby(verdicts, key=lambda verdict: verdict[0]):
        together = [(name, verdict) for _at, name, verdict in looks]
        found = explained(
            recommender, [finding for _name, verdict in together for finding in verdict.findings]
        )
        findings += found
        known = incidents.reported
        loud = [finding for finding in found if not quiet_on_trial(recommender, finding, known)]
        for finding in loud:
            incidents.take(finding, at)
        incidents.clear(
            [fingerprint for _name, verdict in together for fingerprint in verdict.cleared], loud, at
        )
        # A note belongs to the latest look: a check that was too young to judge no longer is once it judges.
        notes = {name: note for name, note in notes.items() if name not in dict(together)}
        notes |= {name: verdict.note for name, verdict in together if verdict.note}
    return BacktestResult(
        start=start,
        end=end,
        findings=tuple(findings),
        incidents=tuple(_incident(folded) for folded in incidents.incidents),
        looks=len(verdicts),
        notes=notes,
        judged=tuple(sorted({name for _at, name, verdict in verdicts if verdict.judged})),
    )


def _incident(folded: Folded) -> BacktestIncident:
    """An incident of the fold, as a backtest reports it."""
    first = folded.findings[0]
    return BacktestIncident(
        **first.model_dump(include={"check", "table", "slice", "title", "window_start"}),
        opened_at=folded.incident.opened_at,
        ended_at=folded.ended_at,
        severity=folded.severity,
        findings=len(folded.findings),
        also=tuple(dict.fromkeys(one.check for one in folded.findings if one.check != first.check)),
        raised_by=tuple(
            dict.fromkeys((one.check, one.slice, one.subject, one.unit) for one in folded.findings)
        ),
        window_end=max(finding.window_end for finding in folded.findings),
    )
