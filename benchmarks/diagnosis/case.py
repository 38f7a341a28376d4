"""
One fault lived through: struck at a moment of its own, looked at by every check, diagnosed where one tells.

The past is built once and struck in copies. Looks are the real ones over the tables as they were written
(`checks.backtest_check`, `checks.fold`), once a window and at most once a minute, until what was raised first
is named; what arrives late is looked at as time passes, for the tables do not say afterwards when a row came.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Protocol

from benchmarks.diagnosis.judge import Said, Truth, judge, on_top, said
from domain.detection.judge.state import CheckState, Verdict
from domain.diagnosis.material import OtherFinding
from domain.recommender.planned import Planned
from domain.recommender.recommender import Recommender
from domain.values import Diagnosis, Finding, Piece
from workers.checks.backtest import plans_of
from workers.checks.backtest_check import Fault, backtest_check, ends_of
from workers.checks.fold import Fold
from workers.checks.plan import Plan
from workers.checks.quiet import quiet
from workers.checks.run import State, explained, run_checks
from workers.detect.look_again import moments
from workers.predict.launch import forecast
from workers.respond.diagnose.diagnose import diagnose

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
BEFORE, AFTER = 8 * MINUTE, 30 * MINUTE
"""Looked at before the strike, whose alarms are not the fault's, and after it: what is found later is not."""

STEPS = (0.15, 0.35, 0.65)
"""Shares of the time after a strike; at each, and at its end, it is asked whether anything was raised."""

SELDOM = 10 * MINUTE
ARRIVALS = 2 * MINUTE


@dataclass(frozen=True)
class Strike:
    """
    What was struck, in words and as its truth.

    `arrives`: it is about when rows come, so tables tell of it only while time passes. `planned`: it was
    announced for so long.
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
        """Its time."""
        ...

    @property
    def declared(self) -> Recommender:
        """Its declaration."""
        ...

    def live(self, span: timedelta) -> None:
        """Time passes, and what happened in it is written."""
        ...

    def strike(self, name: str, seed: int) -> Strike:
        """Something goes wrong, or the world changes."""
        ...

    def close(self) -> None:
        """Nothing more is written."""
        ...


@dataclass(frozen=True)
class Told:
    """One incident that was opened, and its newest diagnosis where there is one."""

    finding: Finding
    opened_at: datetime
    diagnosis: Diagnosis | None = None
    diagnosed_at: datetime | None = None


@dataclass
class Case:
    """
    What came of one strike; from the alarm to the first evidence it took `evidence_seconds`, to the cause
    `diagnosis_seconds`, of the looking that came to it. `seen` is what any check
    found when, also where nobody was told of it.
    """

    name: str
    draw: int
    size: str
    truth: Truth
    struck_at: datetime
    incidents: list[Told] = field(default_factory=list)
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
    def top(self) -> Told | None:
        """What was raised first: what a person reads."""
        return self.incidents[0] if self.incidents else None

    @property
    def said(self) -> Said:
        """What the diagnosis of the first incident names."""
        return Said("unknown") if self.top is None or self.top.diagnosis is None else said(self.top.diagnosis)

    @property
    def verdict(self) -> str:
        """`judge`'s, or `never found`."""
        return judge(self.truth, self.said) if self.found else "never found"

    @property
    def culprit_on_top(self) -> bool:
        """Whether the first incident is titled after the culprit."""
        return self.top is not None and on_top(self.truth, self.top.finding, self.top.diagnosis)

    def words(self) -> str:
        """One line: truth, what was raised when, what was said."""
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


Schedule = Callable[[Recommender], list[Plan]]
"""Which checks are walked, and how often each looks."""

LookTo = Callable[[datetime], None]
"""All looks that are taken by then."""


def live_through(
    world: World, name: str, draw: int, seed: int, after: timedelta = AFTER, looks: Schedule | None = None
) -> Case:
    """The strike, the looks around it (`looks_of`), and the diagnosis of what was raised first."""
    began = time.monotonic()
    start = world.at
    world.live(BEFORE)
    foreseen = {finding.fingerprint for finding in forecast(world.declared, world.at)}
    strike = world.strike(name, seed)
    case = Case(name, draw, strike.size, strike.truth, strike.at)
    recommender = _announced(world.declared, strike)
    look_to: LookTo = _nowhere
    if strike.arrives:
        _look_on(world, recommender, case, start, strike.at + after)
    else:
        world.live(strike.at + after - world.at)
        back = LookBack(recommender, case, (looks or looks_of)(recommender), start, world.at)
        back.until_one_tells([*(strike.at + after * share for share in STEPS), world.at])
        look_to = back.until
        ahead = [one for one in forecast(recommender, world.at) if one.fingerprint not in foreseen]
        case.incidents += [Told(finding, world.at) for finding in ahead]
    case.incidents.sort(key=lambda one: one.opened_at)
    if case.incidents and case.incidents[0].diagnosis is None:
        case.incidents[0] = _until_named(recommender, case, case.incidents[0], world.at, look_to)
    case.seconds = round(time.monotonic() - began, 1)
    return case


def _announced(recommender: Recommender, strike: Strike) -> Recommender:
    if strike.planned is None:
        return recommender
    span = {"from": strike.at - MINUTE, "to": strike.at + strike.planned + MINUTE}
    planned = Planned.model_validate({"name": "announced beforehand", **span})
    return recommender.model_copy(update={"planned": (*recommender.planned, planned)})


def _nowhere(_at: datetime) -> None:
    """Where looks are taken as time passes, all have been."""


def _until_named(recommender: Recommender, case: Case, told: Told, end: datetime, look_to: LookTo) -> Told:
    """Diagnosed when it is opened, and again as production does while no cause is named, until `end`."""
    told = _diagnosed(recommender, case, told, told.opened_at)
    for at in moments(recommender, told.finding, told.opened_at):
        if at > end or told.diagnosis is None or told.diagnosis.cause is not None:
            break
        look_to(at)
        told = _diagnosed(recommender, case, told, at)
    return told


def _diagnosed(recommender: Recommender, case: Case, told: Told, at: datetime) -> Told:
    began, pieces = time.monotonic(), list[float]()

    def tell(_piece: Piece) -> None:
        pieces.append(round(time.monotonic() - began, 2))

    others = _others(case, told, at)
    found = diagnose(recommender, told.finding, at, keep=_kept_nowhere, others=others, tell=tell)
    case.diagnosis_seconds = round(time.monotonic() - began, 2)
    case.evidence_seconds = pieces[0] if pieces else case.diagnosis_seconds
    return replace(told, diagnosis=found, diagnosed_at=at)


def _kept_nowhere(picture: bytes) -> str:
    """The picture is drawn, as it is part of what is waited for."""
    return sha256(picture).hexdigest()


def _others(case: Case, told: Told, now: datetime) -> tuple[OtherFinding, ...]:
    """What other checks had found by then, the first time each: as the log would tell."""
    known: dict[str, Finding] = {}
    for at, one in case.seen:
        if at <= now and one.fingerprint != told.finding.fingerprint:
            known.setdefault(one.fingerprint, one)
    return tuple(
        OtherFinding(one.check, one.table, one.slice, one.title, one.window_start, one.subject)
        for one in known.values()
    )


def looks_of(recommender: Recommender) -> list[Plan]:
    """
    The checks, also those that nobody is told of, with how often each is walked: once a window, between each
    minute and each ten; those of a day's windows once.
    """
    found = []
    for one in plans_of(recommender):
        seldom = AFTER if one.window > HOUR else SELDOM
        found.append(replace(one, every=max(one.every, min(one.window, seldom), MINUTE)))
    return found


class LookBack:
    """
    The looks at what has been lived through, in the order of time and only as far as they are asked for: once
    the first incident is named, none that comes later changes the case.
    """

    def __init__(
        self, recommender: Recommender, case: Case, plans: Iterable[Plan], start: datetime, end: datetime
    ) -> None:
        self._recommender, self._case, self._fold = recommender, case, Fold(recommender)
        self._states: list[tuple[Plan, CheckState | None]] = [(planned, None) for planned in plans]
        self._due: dict[datetime, list[Verdict]] = {}
        self._at, self._end = start, end

    def until(self, end: datetime) -> None:
        """All looks that are taken by then, after those that have been."""
        end = min(end, self._end)
        if end <= self._at:
            return
        self._states = [(planned, self._walked(planned, state, end)) for planned, state in self._states]
        self._at = end
        for at in sorted(self._due):
            if at <= end or end == self._end:
                self._fold_in(self._due.pop(at), at)

    def until_one_tells(self, ends: Iterable[datetime]) -> None:
        """On from end to end until an incident has been opened, which the case is told then."""
        for end in ends:
            self.until(end)
            self._case.incidents, self._case.before = [], []
            _tell(self._case, self._fold)
            if self._case.incidents:
                break

    def _walked(self, planned: Plan, state: CheckState | None, end: datetime) -> CheckState | None:
        ends = ends_of(self._recommender, planned, self._at, end)
        for at, came_to in backtest_check(self._recommender, planned, ends, state):
            if isinstance(came_to, Fault):
                self._case.faults.append(came_to.says)
            else:
                self._due.setdefault(at, []).append(came_to)
                state = came_to.state
        return state

    def _fold_in(self, verdicts: list[Verdict], at: datetime) -> None:
        found = [finding for verdict in verdicts for finding in verdict.findings]
        self._case.seen += [(at, finding) for finding in found]
        cleared = [one for verdict in verdicts for one in verdict.cleared]
        _take(self._fold, self._recommender, found, cleared, at)


def _look_on(world: World, recommender: Recommender, case: Case, start: datetime, end: datetime) -> None:
    """A look every two minutes at what has come by then, until one tells of something."""
    fold, state = Fold(recommender), State()
    while world.at < end and not case.incidents:
        world.live(ARRIVALS)
        result = run_checks(recommender, world.at, state)
        state = result.state
        case.seen += [(world.at, finding) for finding in result.findings]
        _take(fold, recommender, result.findings, result.cleared, world.at)
        case.incidents, case.before = [], []
        _tell(case, fold)
    if case.incidents:
        case.incidents[0] = _as_time_passes(world, recommender, case, case.incidents[0], end)


def _as_time_passes(world: World, recommender: Recommender, case: Case, told: Told, end: datetime) -> Told:
    """The same in a world that goes on meanwhile: what has come by then is what is read."""
    told = _diagnosed(recommender, case, told, told.opened_at)
    for at in moments(recommender, told.finding, told.opened_at):
        if at > end or told.diagnosis is None or told.diagnosis.cause is not None:
            break
        world.live(at - world.at)
        told = _diagnosed(recommender, case, told, at)
    return told


def _take(
    fold: Fold, recommender: Recommender, found: Iterable[Finding], cleared: Iterable[str], at: datetime
) -> None:
    told = explained(recommender, found)
    known = fold.told
    loud = [finding for finding in told if quiet(recommender, finding, known) is None]
    for finding in loud:
        fold.take(finding, at)
    fold.clear(cleared, loud, at)


def _tell(case: Case, fold: Fold) -> None:
    for one in fold.incidents:
        opened = one.incident.opened_at
        if opened <= case.struck_at:
            case.before.append(one.incident.title)
        else:
            case.incidents.append(Told(one.findings[0], opened))
