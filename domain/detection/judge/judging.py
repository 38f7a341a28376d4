"""
How a kind judges what was read, and how its findings are measured again.

    read ─▶ verdict      findings of the last window, and what the check remembers
    read ─▶ measured     what a finding is about, as it is now, against the time before the incident
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Generic, Literal, TypeVar

from domain.detection.data.check_run import CheckRun
from domain.detection.judge.again.measure import Measurement
from domain.detection.judge.excluded import Past
from domain.detection.judge.state import CheckState, ExcludedWindow, Verdict
from domain.recommender.check import Check
from domain.values import Finding

D = TypeVar("D")

Over = Literal["whole", "windows", "apart", "since"]
"""
What is read to measure a finding again over [start, end): one window of that length and the past in windows
as long ("whole"); the check's own windows up to the end ("windows"); the past in the check's own windows and,
beside it, [start, end) as one ("apart"); only [start, end) ("since").
"""


@dataclass(frozen=True)
class Again(Generic[D]):
    """
    What is measured again: `finding`, from `start` to the end of the look's grid, against the `past`.

    `present` is the data of that time, if it is read apart from the past.
    """

    finding: Finding
    past: Past
    start: datetime
    present: D | None = None

    @property
    def memory(self) -> CheckState:
        """Times that nothing is learned from: those known to be wrong, and the incident itself."""
        since = min(self.past.before, self.start)
        itself = ExcludedWindow(slice=self.finding.slice, since=since, until=self.start)
        return CheckState(excluded=(*self.past.wrong, itself))


def of_its_slice(run: CheckRun, finding: Finding) -> CheckRun:
    """The look with only the dimensions of the finding's slice."""
    return replace(run, dimensions=tuple(name for name, _value in finding.slice))


def as_it_is(run: CheckRun, _finding: Finding) -> CheckRun:
    """The look unchanged."""
    return run


@dataclass(frozen=True)
class Judging(Generic[D]):
    """
    `verdict` says what one look results in, `measured` how a finding stands now: None if only people can say.
    `over` is the time read for the latter, `narrowed` the look it is read for.
    """

    verdict: Callable[[CheckRun, D, CheckState], Verdict]
    measured: Callable[[CheckRun, D, Again[D]], Measurement] | None
    over: Over = "whole"
    narrowed: Callable[[CheckRun, Finding], CheckRun] = of_its_slice


def by_check(
    judge: Callable[[Check, Any, CheckState, float | None], Verdict],
) -> Callable[[CheckRun, Any, CheckState], Verdict]:
    """The verdict of a judge that needs of a look only its check and how often it looks."""

    def verdict(run: CheckRun, data: Any, memory: CheckState) -> Verdict:
        return judge(run.check, data, memory, run.looks_per_week)

    return verdict
