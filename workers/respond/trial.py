"""Checks that might have found an incident sooner, each replayed by what `recsysops backtest` runs."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from domain.errors import RecsysopsError
from domain.improvement.candidate import Candidate, candidates
from domain.improvement.trial import MOST_PROPOSED, WEEK, Refusal, Trial, compatible, rate, refused, summary
from domain.incident.state import Incident
from domain.recommender.recommender import Recommender
from domain.values import AddedCheck, Finding, TriedChange, Value
from workers.checks.backtest import BacktestIncident, BacktestResult, WithCheck, backtest_beside
from workers.checks.plan import plan
from workers.declaration.addition import lines_of, valid, written
from workers.declaration.check_kinds import ours
from workers.declaration.declare import file_of, load_text

QUIET = timedelta(weeks=6)
"""How far before the onset alarms are counted, at most."""

MOST_REPLAYED = 6
"""Checks that save time, the most first, of which alarms are counted: that is the long part of a replay."""

MOST_LOOKS = 8_000
"""Looks of one check at quiet time; of shorter windows less time is replayed, and its interval says so."""

REPLAY_SECONDS = 90.0
"""For all replays of one incident: a worker does nothing else meanwhile. What was left out is said."""

LEAD_WINDOWS = 4
"""Before the onset, so that a check that has to see something twice has seen what is usual."""

_log = structlog.get_logger(__name__)


class _OutOfTime(Exception):
    """The replays took longer than `REPLAY_SECONDS`."""


class Tried(Value):
    """The best changes that were tried, and what became of the others."""

    changes: tuple[TriedChange, ...] = ()
    note: str = ""


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
        return _tried(path, recommender, incident, finding)
    except (RecsysopsError, OSError) as error:
        return Tried(note=f"The past could not be replayed: {error}")
    except _OutOfTime:
        return Tried(note=f"Replaying took longer than {REPLAY_SECONDS:.0f} s, so no check is proposed")


def _tried(path: Path, recommender: Recommender, incident: Incident, finding: Finding) -> Tried:
    until = time.monotonic() + REPLAY_SECONDS
    declared = written(path)
    tried = {one.name: one for one in candidates(recommender, declared, ours(), incident)}
    changes = {name: _change(one, declared) for name, one in tried.items()}
    changes = {name: change for name, change in changes.items() if valid(path, change)}
    return _best(_with(path, changes.values()), incident, finding, tried, changes, until)


def _change(candidate: Candidate, declared: Mapping[str, Mapping[str, object]]) -> AddedCheck:
    beside = candidate.beside
    return AddedCheck(
        name=candidate.name,
        lines=lines_of(candidate.name, candidate.keys),
        beside=beside,
        stood=lines_of(beside, declared[beside]) if beside else "",
    )


def _with(path: Path, changes: Iterable[AddedCheck]) -> Recommender:
    """The declaration with all these checks."""
    file = file_of(path)
    text = file.read_text(encoding="utf-8")
    return load_text("\n\n".join([text.rstrip(), *(change.lines for change in changes)]), file)


def _best(
    whole: Recommender,
    incident: Incident,
    finding: Finding,
    tried: Mapping[str, Candidate],
    changes: Mapping[str, AddedCheck],
    until: float,
) -> Tried:
    onset = min(incident.onset_at or finding.window_start, incident.opened_at)
    saved = _saved(_only(whole, changes, finding), changes, incident, (finding, onset), until)
    sooner = sorted((name for name in saved if saved[name] > timedelta(0)), key=lambda name: -saved[name])
    replayed = _quiet(_only(whole, sooner[:MOST_REPLAYED], finding), sooner[:MOST_REPLAYED], onset, until)
    trials = {
        name: Trial(saved=saved[name], alarms=alarms, judged=judged)
        for name, (alarms, judged) in replayed.items()
    }
    most = whole.follow_ups.most_alarms_a_week
    whys: dict[str, Refusal | None] = {name: refused(trial, most) for name, trial in trials.items()}
    kept = [name for name, why in whys.items() if why is None][:MOST_PROPOSED]
    no_sooner: list[Refusal] = ["finds no sooner"] * (len(changes) - len(sooner))
    note = summary(len(changes), [*(why for why in whys.values() if why), *no_sooner])
    if late := len(sooner[:MOST_REPLAYED]) - len(replayed):
        note += f"; {late} not replayed to the end within {REPLAY_SECONDS:.0f} s"
    return Tried(changes=tuple(_shown(changes[name], tried[name], trials[name]) for name in kept), note=note)


def _shown(change: AddedCheck, candidate: Candidate, trial: Trial) -> TriedChange:
    return TriedChange(
        change=change,
        says=candidate.says,
        saved_seconds=trial.saved.total_seconds() if trial.saved else 0.0,
        alarms=rate(trial.alarms, trial.judged),
        weeks=trial.judged / WEEK,
    )


def _only(whole: Recommender, names: Iterable[str], finding: Finding) -> Recommender:
    """These checks, and those that page people for what is in the tables concerned."""
    tried = {name: whole.checks[name] for name in names}
    tables = {finding.table, *(check.table for check in tried.values())}
    loud = {
        name: check
        for name, check in whole.checks.items()
        if name == finding.check or (check.table in tables and not check.shadow)
    }
    return whole.model_copy(update={"checks": loud | tried})


def _saved(
    recommender: Recommender,
    names: Iterable[str],
    incident: Incident,
    of: tuple[Finding, datetime],
    until: float,
) -> dict[str, timedelta]:
    """
    Check → how much sooner than by those there are; only checks that would have told of it.

    Found by the replay before the log has it, the incident is late for another reason than its checks.
    """
    beside, (finding, onset) = set(names), of
    if not beside:
        return {}
    longest = max(plan(recommender, one).window for one in recommender.checks.values())
    start, end = onset - LEAD_WINDOWS * longest, incident.opened_at
    today, found = _replayed(recommender, beside, start, end, until)
    own = [one.opened_at for one in _of(today, finding.check, finding, onset)]
    known = min([incident.opened_at, *own])
    first = {name: _of(one.result, name, finding, onset) for name, one in found.items()}
    return {name: known - min(one.opened_at for one in told) for name, told in first.items() if told}


def _of(result: BacktestResult, check: str, finding: Finding, onset: datetime) -> list[BacktestIncident]:
    """The incidents since the onset that this check told of in a slice that may be the finding's."""
    return [
        one
        for one in result.incidents
        if one.opened_at >= onset
        and any(
            name == check and compatible(where, finding.slice) for name, where, _subject, _unit in one.told_by
        )
    ]


def _quiet(
    recommender: Recommender, names: Sequence[str], onset: datetime, until: float
) -> dict[str, tuple[int, timedelta]]:
    """Check → how many incidents it adds before the onset, and over how long it judged: as time allows."""
    replayed: dict[str, tuple[int, timedelta]] = {}
    for name in names:
        # Each over as long as it can afford: of short windows that is less.
        others = {other: one for other, one in recommender.checks.items() if other not in names}
        alone = recommender.model_copy(update={"checks": others | {name: recommender.checks[name]}})
        every = min(plan(alone, one).every for one in alone.checks.values())
        start = onset - min(QUIET, MOST_LOOKS * every)
        try:
            today, found = _replayed(alone, {name}, start, onset, until)
        except _OutOfTime:
            break
        added = len(found[name].result.incidents) - len(today.incidents)
        replayed[name] = (max(0, added), found[name].judged)
    return replayed


def _replayed(
    recommender: Recommender, names: set[str], start: datetime, end: datetime, until: float
) -> tuple[BacktestResult, dict[str, WithCheck]]:
    """
    Raises:
        _OutOfTime: it went on after `until`, by the monotonic clock.
    """

    def tell(done: int, of: int) -> None:
        _log.info("follow_up_replayed", checks=sorted(names), since=start.isoformat(), looks=done, of=of)
        if time.monotonic() > until:
            raise _OutOfTime

    return backtest_beside(recommender, names, start, end, tell)
