"""
Each fault at its own moment: which check raises it first, after how long, and what else is raised.

The cinema serves as it does live, ten seconds at a time. After each step the clock's jobs look: the real
ticks, into a log of their own, with only the clock replaced.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from unittest.mock import patch

from sqlalchemy import Engine

from benchmarks.cinema.theatre import Theatre
from domain.incident.state import Incident
from domain.values import Finding, Slice, name_slice
from examples.cinema.faults import BLANK, COUNTRY, FLIPPED, HELD_DOWN, LOST_SLICE
from workers.detect.detection_run import detection_run
from workers.environment import clock
from workers.predict.look_ahead import prediction_run
from workers.store import cards

LOOK_SECONDS, FORECAST_EVERY = 10.0, 3  # as the clock's process sends: each 10 s, and each 30 s
BEFORE, AFTER, LONGEST = timedelta(minutes=8), timedelta(minutes=10), timedelta(hours=3)

HOW = ("another thing", "named in part", "named exactly")
TRUTH: Mapping[str, tuple[Slice, str | None]] = {
    "language": ((("country", COUNTRY),), None),
    "upstream": (tuple(sorted(LOST_SLICE.items())), None),
    "launch": ((), None),  # its film is drawn when it is switched on
    "missing_values": ((("device", BLANK[1]),), BLANK[0]),
    "training_segment": ((FLIPPED,), None),
    "production_bias": ((("genre", HELD_DOWN[0]),), None),
}
"""What each fault is about: a slice, and the column or item where there is one. No check reads it."""


@dataclass
class Outcome:
    """One fault and what was raised; times are the cinema's."""

    fault: str
    at: datetime
    truth: tuple[Slice, str | None]
    incidents: list[Incident] = field(default_factory=list)
    before: list[Incident] = field(default_factory=list)

    @property
    def first(self) -> Incident | None:
        """The first incident raised; of several at once, the one that names the truth."""
        if not self.incidents:
            return None
        opened = min(one.opened_at for one in self.incidents)
        at_once = [one for one in self.incidents if one.opened_at == opened]
        return max(at_once, key=lambda one: self.names(one.first_finding))

    @property
    def naming(self) -> Incident | None:
        """The first incident that names what is wrong, or a part of it; any other is no detection."""
        named = [one for one in self.incidents if self.names(one.first_finding)]
        return min(named, key=lambda one: one.opened_at, default=None)

    @property
    def minutes(self) -> float | None:
        """Minutes from the strike to the incident that names it."""
        return None if self.naming is None else (self.naming.opened_at - self.at) / timedelta(minutes=1)

    def names(self, finding: Finding | None) -> int:
        """How well a finding names what is wrong: 2 exactly, 1 a part of it or what contains it, 0 not."""
        if finding is None:
            return 0
        where, subject = self.truth
        if subject is not None and finding.subject != subject:
            return 0
        if set(finding.slice) == set(where):
            return 2
        return int(bool(set(finding.slice) & set(where)) or bool(subject))

    def words(self) -> str:
        """What was raised, each with its minutes and how well it names the truth, and what joined it."""
        if self.first is None:
            return f"nothing raised in {LONGEST}"
        raised = sorted(self.incidents, key=lambda one: (one != self.first, one.opened_at))
        said = [f"truth {_spell(self.truth)}", *(self._described(one) for one in raised)]
        said += [f"before it: {'; '.join(one.title for one in self.before)}"] if self.before else []
        return ". ".join(said)

    def _described(self, one: Incident) -> str:
        minutes = (one.opened_at - self.at) / timedelta(minutes=1)
        check = one.first_finding.check if one.first_finding else "?"
        joined = f" (joined by {', '.join(_short(also) for also in one.also)})" if one.also else ""
        return f"after {minutes:.1f} min {check}: {one.title}, {HOW[self.names(one.first_finding)]}{joined}"


def _short(finding: Finding) -> str:
    return " ".join(filter(None, (finding.check, finding.subject, name_slice(finding.slice))))


def _spell(truth: tuple[Slice, str | None]) -> str:
    where, subject = truth
    return " ".join(filter(None, (subject, name_slice(where) if where else "")))


def live_through(
    fault: str, folder: Path, opened: datetime, at: datetime, rate: float, log: Engine
) -> Outcome:
    """
    Switch a fault on at `at` in a cinema that stands at `opened`, and look until ten minutes after an
    incident has named it, or for three hours.
    """
    theatre = Theatre(folder, opened, rate)
    theatre.pass_hours(at - BEFORE)
    outcome = Outcome(fault, at, TRUTH[fault])
    with patch.object(clock, "now", lambda: theatre.at):
        _look_on(theatre, outcome, log)
    theatre.close()
    return outcome


def _look_on(theatre: Theatre, outcome: Outcome, log: Engine) -> None:
    recommender, end, looks = theatre.declared, outcome.at + LONGEST, 0
    while theatre.at < end:
        if theatre.at >= outcome.at and not theatre.live.serving.faults.on(outcome.fault):
            outcome.before = _every(log)
            theatre.live.switch_fault(outcome.fault, True, theatre.at)
            film = theatre.live.serving.faults.detail(outcome.fault).get("item_id")
            outcome.truth = ((), film) if film else outcome.truth
        theatre.pass_time(LOOK_SECONDS)
        detection_run(log, recommender, theatre.at)
        if looks % FORECAST_EVERY == 0:
            prediction_run(log, recommender, theatre.at)
        looks += 1
        known = {one.stream for one in outcome.before}
        every = _every(log)
        if theatre.at <= outcome.at:
            outcome.before = every
            continue
        outcome.incidents = [one for one in every if one.stream not in known]
        if outcome.naming is not None:
            end = min(end, outcome.naming.opened_at + AFTER)


def _every(log: Engine) -> list[Incident]:
    with log.connect() as connection:
        return cards.every(connection)
