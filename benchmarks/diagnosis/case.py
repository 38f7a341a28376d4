"""One fault lived through: what was struck, what was raised and when, and what was said of its cause."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from benchmarks.diagnosis.judge import Said, Truth, judge, on_top, said
from domain.recommender.recommender import Recommender
from domain.values import Diagnosis, Finding

MINUTE = timedelta(minutes=1)
BEFORE, AFTER = 8 * MINUTE, 30 * MINUTE
"""Looked at before the strike (its alarms are not the fault's), and after it: later findings do not count."""


@dataclass(frozen=True)
class Strike:
    """
    What was struck, in words and as its truth.

    `arrives`: it is about when rows come, so tables show it only while time passes. `planned`: the
    length for which it was announced.
    """

    truth: Truth
    size: str
    at: datetime
    arrives: bool = False
    planned: timedelta | None = None


class World(Protocol):
    """A recommender in simulated time, over tables on disk."""

    @property
    def at(self) -> datetime:
        """Its current time."""
        ...

    @property
    def declared(self) -> Recommender:
        """Its declaration."""
        ...

    def live(self, span: timedelta) -> None:
        """Let time pass, and write what happens in it."""
        ...

    def strike(self, name: str, seed: int) -> Strike:
        """Make something go wrong, or change the world."""
        ...

    def close(self) -> None:
        """Stop writing."""
        ...


@dataclass(frozen=True)
class OpenedIncident:
    """One incident that was opened, and its newest diagnosis if there is one."""

    finding: Finding
    opened_at: datetime
    diagnosis: Diagnosis | None = None
    diagnosed_at: datetime | None = None


@dataclass
class Case:
    """
    The outcome of one strike. `evidence_seconds` and `diagnosis_seconds` run from the alarm to the first
    evidence and to the cause, in the attempt that got there. `seen` is what any check found and when,
    including what nobody was told of.
    """

    name: str
    draw: int
    size: str
    truth: Truth
    struck_at: datetime
    incidents: list[OpenedIncident] = field(default_factory=list)
    before: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    seen: list[tuple[datetime, Finding]] = field(default_factory=list)
    seconds: float = 0.0
    evidence_seconds: float | None = None
    diagnosis_seconds: float | None = None

    @property
    def found(self) -> bool:
        """Whether anything was raised."""
        return bool(self.incidents)

    @property
    def top(self) -> OpenedIncident | None:
        """What was raised first, which is what a person reads."""
        return self.incidents[0] if self.incidents else None

    @property
    def said(self) -> Said:
        """What the diagnosis of the first incident names."""
        return Said("unknown") if self.top is None or self.top.diagnosis is None else said(self.top.diagnosis)

    @property
    def verdict(self) -> str:
        """`judge`'s verdict, or `never found`."""
        return judge(self.truth, self.said) if self.found else "never found"

    @property
    def culprit_on_top(self) -> bool:
        """Whether the first incident is titled after the culprit."""
        return self.top is not None and on_top(self.truth, self.top.finding, self.top.diagnosis)

    def words(self) -> str:
        """One line: the truth, what was raised and when, what was said."""
        line = f"{self.name} #{self.draw} ({self.truth.words()}; {self.size}): {self.verdict}"
        if self.top is None:
            before = f"; but before it: {'; '.join(self.before)}" if self.before else ""
            return f"{line}; nothing raised{before}"
        minutes = (self.top.opened_at - self.struck_at) / MINUTE
        line += f"; after {minutes:.0f} min {self.top.finding.check}: “{self.top.finding.title}”"
        line += "" if self.culprit_on_top else " (a victim)"
        cause = self.top.diagnosis.cause if self.top.diagnosis else None
        if self.top.diagnosed_at is not None and self.top.diagnosed_at > self.top.opened_at:
            line += f"; looked into until {(self.top.diagnosed_at - self.struck_at) / MINUTE:.0f} min"
        line += f"; said: {self.said.words()}" + (f" “{cause}”" if cause else "")
        others = [one.finding.title for one in self.incidents[1:4]]
        return line + (f"; also raised: {'; '.join(others)}" if others else "")
