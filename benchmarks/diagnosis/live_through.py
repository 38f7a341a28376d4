"""
A fault struck at its own moment, looked at by every check, and diagnosed when one alarms.

The past is built once and struck in copies. Looks are taken once a window and at most once a minute, until
what was raised first is named. What arrives late is looked at as time passes, because the tables do not say
afterwards when a row came.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256

from benchmarks.diagnosis.case import AFTER, BEFORE, MINUTE, Case, OpenedIncident, Strike, World
from benchmarks.diagnosis.look_back import LookBack, Schedule, Walks, looks_of, record, take
from domain.diagnosis.material import OtherFinding
from domain.recommender.planned import Planned
from domain.recommender.recommender import Recommender
from domain.values import Finding, Piece
from workers.checks.fold import Fold
from workers.checks.run import State, run_checks
from workers.detect.look_again import moments
from workers.predict.launch import forecast
from workers.respond.diagnose.diagnose import diagnose

STEPS = (0.15, 0.35, 0.65)
"""Shares of the time after a strike; at each, and at the end, we ask whether anything was raised."""

ARRIVALS = MINUTE
"""How often we look where rows arrive late: as often as the cinema's shortest windows adjoin."""

LookTo = Callable[[datetime], None]
"""Takes all looks that are due by then."""


def live_through(
    world: World,
    name: str,
    draw: int,
    seed: int,
    after: timedelta = AFTER,
    looks: Schedule = looks_of,
    walks: Walks | None = None,
) -> Case:
    """
    Strike, take the looks around it, and diagnose what was raised first.

    Args:
        walks: the looks at an equal copy of this world, struck alike.
    """
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
        back = LookBack(recommender, case, looks(recommender), start, world.at, walks)
        back.until_one_opens([*(strike.at + after * share for share in STEPS), world.at])
        look_to = back.until
        ahead = [one for one in forecast(recommender, world.at) if one.fingerprint not in foreseen]
        case.incidents += [OpenedIncident(finding, world.at) for finding in ahead]
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
    """No looks to take: where they are taken as time passes, all have been taken already."""


def _until_named(
    recommender: Recommender, case: Case, opened: OpenedIncident, end: datetime, look_to: LookTo
) -> OpenedIncident:
    """Diagnose it when it is opened, then again as production does, until a cause is named or `end`."""
    opened = _diagnosed(recommender, case, opened, opened.opened_at)
    for at in moments(recommender, opened.finding, opened.opened_at):
        if at > end or opened.diagnosis is None or opened.diagnosis.cause is not None:
            break
        look_to(at)
        opened = _diagnosed(recommender, case, opened, at)
    return opened


def _diagnosed(recommender: Recommender, case: Case, opened: OpenedIncident, at: datetime) -> OpenedIncident:
    began, pieces = time.monotonic(), list[float]()

    def comes(_piece: Piece) -> None:
        pieces.append(round(time.monotonic() - began, 2))

    others = _others(case, opened, at)
    found = diagnose(recommender, opened.finding, at, keep=_kept_nowhere, others=others, on_piece=comes)
    case.diagnosis_seconds = round(time.monotonic() - began, 2)
    case.evidence_seconds = pieces[0] if pieces else case.diagnosis_seconds
    return replace(opened, diagnosis=found, diagnosed_at=at)


def _kept_nowhere(picture: bytes) -> str:
    """The picture is still drawn, as it is part of the waiting time."""
    return sha256(picture).hexdigest()


def _others(case: Case, opened: OpenedIncident, now: datetime) -> tuple[OtherFinding, ...]:
    """What other checks had found by then, the first time each, as the log would have them."""
    known: dict[str, Finding] = {}
    for at, one in case.seen:
        if at <= now and one.fingerprint != opened.finding.fingerprint:
            known.setdefault(one.fingerprint, one)
    return tuple(
        OtherFinding(one.check, one.table, one.slice, one.title, one.window_start, one.subject)
        for one in known.values()
    )


def _look_on(world: World, recommender: Recommender, case: Case, start: datetime, end: datetime) -> None:
    """Look every `ARRIVALS` at what has come by then, until a look opens an incident."""
    fold, state = Fold(recommender), State()
    while world.at < end and not case.incidents:
        world.live(ARRIVALS)
        result = run_checks(recommender, world.at, state)
        state = result.state
        case.seen += [(world.at, finding) for finding in result.findings]
        take(fold, recommender, result.findings, result.cleared, world.at)
        case.incidents, case.before = [], []
        record(case, fold)

    def live_to(at: datetime) -> None:
        """Let time pass: only what has come by then is read."""
        world.live(at - world.at)

    if case.incidents:
        case.incidents[0] = _until_named(recommender, case, case.incidents[0], end, live_to)
