"""Tries checks that might have found an incident sooner, walking each over the past as a backtest does."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path

import structlog

from domain.errors import RecsysopsError, sanitized
from domain.improvement.candidates.candidate import Candidate
from domain.improvement.candidates.search import candidates
from domain.improvement.trial import (
    LEAST_COVERED,
    LEAST_SAVED,
    MOST_PROPOSED,
    WEEK,
    Refusal,
    Trial,
    rate,
    refused,
    summary,
)
from domain.incident.state import Incident
from domain.recommender.keys.duration import name_duration
from domain.recommender.recommender import Recommender
from domain.values import AddedCheck, Finding, Slice, TriedChange, Value, share_rows
from workers.checks.beside import Alarmed, OutOfTime, alarms_before, first_reported, sees_it
from workers.checks.tape import Tape, taped
from workers.declaration.addition import valid, written
from workers.declaration.check_kinds import ours
from workers.declaration.declare import file_of, load_text
from workers.declaration.lines import lines_of
from workers.doctor.checks import unfit
from workers.sources.engines.files import kept_open

QUIET = timedelta(weeks=6)
"""How far before the onset alarms are counted, at most."""

MOST_TRIED = 24
"""Checks that are replayed, the most promising first; those that the doctor refuses take no place."""

MOST_COUNTED = 6
"""Checks whose alarms are counted, those that save most time first: counting is the long part of a replay."""

FOR_TIME_SAVED = 0.5
"""
Share of the time for all of an incident's replays that is spent on who finds it sooner; the rest counts
alarms, and is kept for that even if one question to the engine took longer.
"""

UNSURE = timedelta(minutes=5)
"""The most by which an onset may be dated too late: a window of what found it, if that is shorter."""

SHARE = 0.25
"""Share of that time within which the check that found it must find it again, and a table must answer."""

_log = structlog.get_logger(__name__)


class Tried(Value):
    """The best changes that were tried, and what became of the others."""

    changes: tuple[TriedChange, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class _Of:
    """The incident that should be found sooner: what found it, its earliest beginning, when it was opened."""

    finding: Finding
    onset: datetime
    opened_at: datetime

    def is_in(self, where: Slice) -> bool:
        """Whether the rows of a slice may belong to the incident."""
        return share_rows(where, self.finding.slice)


@dataclass(frozen=True)
class _Found:
    """
    Check → how much sooner it finds the incident, only if that is worth another check; how many were not
    replayed to the end, and for how many the table did not answer.
    """

    saved: Mapping[str, timedelta]
    late: int
    unanswered: int


def try_changes(path: Path, recommender: Recommender, incident: Incident) -> Tried:
    """The changes to the declaration that would have found this incident sooner, at most `MOST_PROPOSED`."""
    finding = incident.first_finding
    if incident.resolved_how == "false_alarm":
        return Tried(note="It was no incident, so no check is to find it sooner")
    if finding is None or incident.kind != "detected":
        return Tried(note="No check found it in a window, so none could be replayed")
    if finding.table not in recommender.tables:
        return Tried(note=f"Table {finding.table} is not declared any more, so nothing could be replayed")
    try:
        return try_these(path, incident, candidates(recommender, written(path), ours(), incident))
    except (RecsysopsError, OSError) as error:
        return Tried(note=f"The past could not be replayed: {sanitized(error)}")


@kept_open()
def try_these(path: Path, incident: Incident, given: Iterable[Candidate]) -> Tried:
    """
    Those of the candidates that would have found the incident sooner, and that alarm seldom.

    Raises:
        RecsysopsError: the past cannot be replayed at all.
        ValueError: no check found the incident.
    """
    if (finding := incident.first_finding) is None:
        raise ValueError("an incident that no check found cannot be replayed")
    began, declared = time.monotonic(), written(path)
    of = _Of(finding, _from(incident, finding), incident.opened_at)
    tried = {one.name: one for one in given}
    changes = {name: _change(one, declared) for name, one in tried.items()}
    changes = {name: change for name, change in changes.items() if valid(path, change)}
    whole = _hurried(_with(path, changes.values()))
    if not (changes := _fitting(whole, changes)):
        return Tried(note="None of the checks that might have found it sooner goes with its tables")
    seconds = whole.follow_ups.replay_time.total_seconds()
    found = _saved(whole, changes, of, began + FOR_TIME_SAVED * seconds)
    saved, sooner = found.saved, _in_order(found.saved, tried)
    until = max(began + seconds, time.monotonic() + (1 - FOR_TIME_SAVED) * seconds)
    counted, uncounted = _counted(whole, sooner[:MOST_COUNTED], of, until)
    trials = {
        name: Trial(saved=saved[name], alarms=one.alarms, judged=one.judged, covered=one.covered)
        for name, one in counted.items()
    }
    return _best(whole, tried, changes, trials, found, uncounted)


def _fitting(whole: Recommender, changes: Mapping[str, AddedCheck]) -> dict[str, AddedCheck]:
    """The first changes that the doctor would not refuse, as many as are replayed."""
    refused_by_doctor = unfit(whole, changes)
    fitting = (name for name in changes if name not in refused_by_doctor)
    return {name: changes[name] for name in islice(fitting, MOST_TRIED)}


def _in_order(saved: Mapping[str, timedelta], tried: Mapping[str, Candidate]) -> list[str]:
    """
    The most time saved first; where the difference is not worth a check, one that looks for the cause itself,
    as its consequences may show elsewhere the next time; among these the one that looks at more columns.
    """
    most = max(saved.values(), default=timedelta(0))

    def place(name: str) -> tuple[int, bool, float, timedelta]:
        less, one = most - saved[name], tried[name]
        return less // LEAST_SAVED, not one.direct, -one.columns, less

    return sorted(saved, key=place)


def _from(incident: Incident, finding: Finding) -> datetime:
    """From when a check's report may be about this incident: an onset is known only to some minutes."""
    onset = min(incident.onset_at or finding.window_start, incident.opened_at)
    return onset - min(finding.window_end - finding.window_start, UNSURE)


def _best(
    whole: Recommender,
    tried: Mapping[str, Candidate],
    changes: Mapping[str, AddedCheck],
    trials: Mapping[str, Trial],
    found: _Found,
    uncounted: int,
) -> Tried:
    most = whole.follow_ups.most_alarms_a_week
    whys: dict[str, Refusal | None] = {name: refused(trial, most) for name, trial in trials.items()}
    kept = [name for name, why in whys.items() if why is None][:MOST_PROPOSED]
    no_answer: list[Refusal] = ["table does not answer"] * found.unanswered
    no_sooner: list[Refusal] = ["finds no sooner"] * (
        len(changes) - found.late - found.unanswered - len(found.saved)
    )
    late = found.late + uncounted
    note = summary(len(changes) - late, [*(why for why in whys.values() if why), *no_sooner, *no_answer])
    if late:
        note += f"; {late} more did not fit into {name_duration(whole.follow_ups.replay_time)}"
    return Tried(changes=tuple(_shown(changes[name], tried[name], trials[name]) for name in kept), note=note)


def _change(candidate: Candidate, declared: Mapping[str, Mapping[str, object]]) -> AddedCheck:
    beside = candidate.beside
    return AddedCheck(
        name=candidate.name,
        lines=lines_of(candidate.name, candidate.keys),
        beside=beside,
        stood=lines_of(beside, declared[beside]) if beside else "",
    )


def _with(path: Path, changes: Iterable[AddedCheck]) -> Recommender:
    """The declaration with all these checks added."""
    file = file_of(path)
    text = file.read_text(encoding="utf-8")
    return load_text("\n\n".join([text.rstrip(), *(change.lines for change in changes)]), file)


def _hurried(recommender: Recommender) -> Recommender:
    """With tables that are waited for only as long as leaves time for other questions."""
    longest = max(timedelta(seconds=1), recommender.follow_ups.replay_time * FOR_TIME_SAVED * SHARE)
    tables = {
        name: table.model_copy(update={"timeout": min(table.timeout, longest)})
        for name, table in recommender.tables.items()
    }
    return recommender.model_copy(update={"tables": tables})


def _shown(change: AddedCheck, candidate: Candidate, trial: Trial) -> TriedChange:
    return TriedChange(
        change=change,
        says=candidate.says,
        saved_seconds=trial.saved.total_seconds() if trial.saved else 0.0,
        alarms=rate(trial.alarms, trial.judged),
        weeks=trial.judged / WEEK,
    )


def _saved(whole: Recommender, changes: Mapping[str, AddedCheck], of: _Of, until: float) -> _Found:
    """
    Which candidates find it sooner than the existing checks.

    Candidates that ask the engine the same question, such as those that differ only in sensitivity, are
    answered once. For each, the last look before the incident was known is taken first; a candidate that sees
    nothing in it would have reported nothing before.
    """
    with taped(Tape()):
        known = _known(whole, of, until)
        end, half = known - LEAST_SAVED, (time.monotonic() + until) / 2
        sees = {name: _sees_it(whole, name, of, end, half) for name in changes if time.monotonic() < half}
        likely = [name for name, it in sees.items() if it]
        reported = _reported_in_turn(whole, likely, of, end, until)
    saved = {name: known - at for name, at in reported.items() if at is not None}
    late = len(changes) - len(sees) + len(likely) - len(reported)
    return _Found(saved, late, sum(it is None for it in sees.values()))


def _reported_in_turn(
    whole: Recommender, names: Iterable[str], of: _Of, end: datetime, until: float
) -> dict[str, datetime | None]:
    """
    Check → when it would have reported, None if not by `end`; without those there was no time for.

    Each gets a part of the time that is left; one that reaches no answer waits behind the others, and what it
    has asked by then is not asked again.
    """
    reported: dict[str, datetime | None] = {}
    waiting = deque(names)
    while waiting and (now := time.monotonic()) < until:
        name, part = waiting.popleft(), now + (until - now) / (len(waiting) + 1)
        try:
            reported[name] = _reported(whole, name, of, end, part)
        except OutOfTime:
            waiting.append(name)
    return reported


def _known(whole: Recommender, of: _Of, until: float) -> datetime:
    """
    When the existing checks knew of it. If the replay finds it before the log has it, the incident was late
    for another reason than its checks.
    """
    name, now = of.finding.check, time.monotonic()
    if name not in whole.checks or now >= until:
        return of.opened_at
    try:
        return _reported(whole, name, of, of.opened_at, now + (until - now) * SHARE) or of.opened_at
    except OutOfTime:
        return of.opened_at


def _reported(whole: Recommender, name: str, of: _Of, end: datetime, until: float) -> datetime | None:
    began = time.monotonic()
    try:
        return first_reported(whole, name, (of.onset, end), of.is_in, until)
    finally:
        _log.info("follow_up_replayed", check=name, seconds=round(time.monotonic() - began, 1))


def _sees_it(whole: Recommender, name: str, of: _Of, end: datetime, until: float) -> bool | None:
    began, sees = time.monotonic(), sees_it(whole, name, (of.onset, end), of.is_in, until)
    _log.info("follow_up_looked", check=name, sees=sees, seconds=round(time.monotonic() - began, 1))
    return sees


def _counted(
    whole: Recommender, names: Sequence[str], of: _Of, until: float
) -> tuple[dict[str, Alarmed], int]:
    """
    Check → how many incidents it adds before the onset, and over how long it judged; and how many checks
    there was no time for.

    First, as many checks as can be proposed are looked for, each over the shortest time that counts; the time
    left then goes to these, so that what is shown of them is as certain as possible.
    """
    most = whole.follow_ups.most_alarms_a_week
    counted: dict[str, Alarmed] = {}
    for place, name in enumerate(names):
        one = _further(whole, name, of, Alarmed(of.onset), until, lambda past: past.covered >= LEAST_COVERED)
        if time.monotonic() > until and one.covered < LEAST_COVERED and not _too_many(one, most):
            return counted, len(names) - place
        counted[name] = one
        silent = [past for past in counted.values() if past.covered >= LEAST_COVERED and past.alarms == 0]
        if len(silent) == MOST_PROPOSED:
            break
    worth = [name for name, one in counted.items() if not _too_many(one, most)]
    for place, name in enumerate(worth):
        now = time.monotonic()
        part = now + (until - now) / (len(worth) - place)
        counted[name] = _further(whole, name, of, counted[name], part, lambda _past: False)
    return counted, 0


def _further(
    whole: Recommender,
    name: str,
    of: _Of,
    known: Alarmed,
    until: float,
    enough: Callable[[Alarmed], bool],
) -> Alarmed:
    """More of one check's past; no more than it takes to see that it adds too many."""
    most, began = whole.follow_ups.most_alarms_a_week, time.monotonic()
    longest = QUIET - (of.onset - known.since)

    def settled(past: Alarmed) -> bool:
        return _too_many(past, most) or enough(past)

    found = alarms_before(_only(whole, name, of), name, known, longest, until, settled)
    seconds = round(time.monotonic() - began, 1)
    _log.info("follow_up_counted", check=name, alarms=found.alarms, judged=found.judged, seconds=seconds)
    return found


def _too_many(past: Alarmed, most: float) -> bool:
    low = rate(past.alarms, past.judged).low
    return low is not None and low > most


def _only(whole: Recommender, name: str, of: _Of) -> Recommender:
    """This check, and those that page people about the tables concerned."""
    tried = whole.checks[name]
    loud = {
        other: check
        for other, check in whole.checks.items()
        if not check.shadow and (other == of.finding.check or check.table in (of.finding.table, tried.table))
    }
    return whole.model_copy(update={"checks": loud | {name: tried}})
