"""Replays incidents: today's checks on what was kept of their looks, today's diagnosis, today's hotfixes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Engine

from domain.detection.correlate.joining import link_to
from domain.errors import BundleError, Refused
from domain.incident.state import Incident
from domain.recommender.lineage import lineage
from domain.recommender.recommender import Recommender
from domain.replayed import AgreedCheck, Comparable, ReplayAnswer, Replayed, Went, compare
from domain.values import Diagnosis, Finding, share_rows
from workers.bundle.again import diagnose_again
from workers.bundle.objects import Objects, objects_of
from workers.bundle.open import Opened, open_bundle
from workers.environment.settings import Settings
from workers.replay.freeze import ABOUT, ARRAYS, Frozen, opened
from workers.replay.offered import NOTHING_DONE, offered_now
from workers.replay.raised import IsOf, Raised, raised_by, raised_now
from workers.store import cards

Progress = Callable[[int, int], None]
UNKNOWN = "unknown"


@dataclass
class _Notes:
    """Remarks that a replay makes, in the order in which they came up."""

    lines: list[str] = field(default_factory=list)

    def say(self, line: str) -> None:
        if line not in self.lines:
            self.lines.append(line)


def replay(
    log: Engine,
    recommender: Recommender,
    environment: Settings,
    at: datetime,
    numbers: Sequence[int] | None = None,
    progress: Progress = lambda _done, _in_all: None,
) -> ReplayAnswer:
    """
    Each incident then and now, the newest first. Nothing is written.

    Args:
        numbers: of the incidents; all if none are given.
        progress: called with (done, in all) after each.

    Raises:
        Refused: there is no incident of a number.
    """
    began = time.monotonic()
    with log.connect() as connection:
        every = cards.every(connection)
    asked = _asked(every, numbers)
    objects = objects_of(recommender.bundle, environment)
    done: list[Replayed] = []
    progress(0, len(asked))
    for incident in asked:
        notes = _Notes()
        bundle = _bundle(log, objects, incident, notes)
        done.append(replay_one(recommender, incident, bundle, notes))
        progress(len(done), len(asked))
    return ReplayAnswer(at=at, incidents=tuple(done), seconds=round(time.monotonic() - began, 2))


def _asked(every: Iterable[Incident], numbers: Sequence[int] | None) -> list[Incident]:
    known = {one.number: one for one in every}
    if missing := [number for number in numbers or () if number not in known]:
        raise Refused(f"there is no incident #{missing[0]}")
    own = [one for one in known.values() if one.merged_into is None]
    chosen = own if numbers is None else [known[number] for number in dict.fromkeys(numbers)]
    return sorted(chosen, key=lambda one: one.number, reverse=True)


def _bundle(log: Engine, objects: Objects, incident: Incident, notes: _Notes) -> Opened | None:
    try:
        return open_bundle(log, objects, incident)
    except (Refused, BundleError) as error:
        notes.say(str(error))
        return None


def replay_one(
    recommender: Recommender, incident: Incident, bundle: Opened | None, notes: _Notes | None = None
) -> Replayed:
    """One incident, from its bundle; without a bundle only what is declared is judged."""
    began, notes = time.monotonic(), notes or _Notes()
    frozen = _looks(incident, bundle, notes)
    agreed = _agreed(recommender, incident, frozen)
    raised = _raised(recommender, incident, frozen, notes, agreed)
    diagnosis, named = _diagnosed(incident, bundle, notes)
    then = _then(incident, frozen)
    offered = offered_now(recommender, incident, diagnosis) if incident.menu is not None else None
    for line in offered.notes if offered else ():
        notes.say(line)
    judged = Comparable(
        raised.judged, named, offered is not None and (named or incident.diagnosis is not None)
    )
    now = Went(
        raised_at=raised.at,
        after_seconds=_after(then, raised.at),
        check=raised.check,
        predicted=raised.predicted,
        named=_name(diagnosis) if named else None,
        offered=offered.hotfixes if offered else (),
    )
    false_alarm = incident.resolved_how == "false_alarm"
    verdict, reasons = compare(then, now, judged, false_alarm=false_alarm)
    return Replayed(
        number=incident.number,
        title=incident.called,
        false_alarm=false_alarm,
        then=then,
        now=now,
        judged=judged,
        verdict=verdict,
        reasons=reasons,
        notes=tuple(notes.lines),
        bytes=_bytes(bundle),
        identical=_identical(incident, frozen),
        agreed=_agreed_check(recommender, incident, agreed, then),
        seconds=round(time.monotonic() - began, 2),
    )


def _looks(incident: Incident, bundle: Opened | None, notes: _Notes) -> Frozen | None:
    if bundle is None or incident.first_finding is None:
        return None
    try:
        held = {file.name for file in bundle.manifest.files}
        return opened({name: bundle.content(name) for name in (ABOUT, ARRAYS) if name in held})
    except BundleError as error:
        notes.say(str(error))
        return None


def _agreed(recommender: Recommender, incident: Incident, frozen: Frozen | None) -> Raised | None:
    """What the check agreed on as its follow-up does; None if there is none, or nothing is known of it."""
    change, first = incident.change, incident.first_finding
    if change is None or first is None:
        return None
    known = _of(recommender, incident, first)
    onset = min(incident.onset_at or first.window_start, incident.opened_at)

    def is_of(finding: Finding) -> bool:
        # As its trial judged it, on whose result it was agreed.
        of_it = known(finding) or share_rows(finding.slice, first.slice)
        return of_it and finding.window_end > onset

    return raised_by(recommender, change.name, first, frozen, is_of)


def _loud(recommender: Recommender, incident: Incident, agreed: Raised | None) -> Raised | None:
    """The same, if the check pages people."""
    check = recommender.checks.get(incident.change.name) if incident.change else None
    return None if check is None or check.shadow else agreed


def _agreed_check(
    recommender: Recommender, incident: Incident, agreed: Raised | None, then: Went
) -> AgreedCheck | None:
    name = incident.change.name if incident.change else ""
    if agreed is None or name not in recommender.checks:
        return None
    known = agreed.at is not None and then.raised_at is not None
    return AgreedCheck(
        check=name,
        sooner=then.raised_at - agreed.at if known and then.raised_at and agreed.at else None,
        shadow=recommender.checks[name].shadow,
        judged=agreed.judged,
        on_kept=agreed.on_kept,
        says="" if agreed.at is not None else "; ".join(agreed.notes),
    )


def _of(recommender: Recommender, incident: Incident, first: Finding) -> IsOf:
    """A test whether a finding belongs to the incident."""
    made_from = lineage(recommender.tables, recommender.models.values())

    def is_of(finding: Finding) -> bool:
        same = finding.fingerprint == first.fingerprint
        return same or link_to(incident, finding, made_from) is not None

    return is_of


def _raised(
    recommender: Recommender,
    incident: Incident,
    frozen: Frozen | None,
    notes: _Notes,
    agreed: Raised | None,
) -> Raised:
    first = incident.first_finding
    if first is None:
        notes.say("a person declared it: there is no check whose looks could be replayed")
        return Raised(judged=False)
    is_of = _of(recommender, incident, first)
    found = raised_now(recommender, first, frozen, is_of, _loud(recommender, incident, agreed))
    for line in found.notes:
        notes.say(line)
    return found


def _diagnosed(incident: Incident, bundle: Opened | None, notes: _Notes) -> tuple[Diagnosis | None, bool]:
    """Today's diagnosis and True; the one of then and False if it cannot be made again."""
    if bundle is None:
        return incident.diagnosis, False
    try:
        again = diagnose_again(bundle)
    except BundleError as error:
        notes.say(f"its diagnosis cannot be made again: {error}")
        return incident.diagnosis, False
    if again.unasked is not None and _name(again.now) != _name(incident.diagnosis):
        # another name may be due to the model alone
        notes.say(f"its diagnosis cannot be compared: {again.unasked}")
        return incident.diagnosis, False
    return again.now, True


def _then(incident: Incident, frozen: Frozen | None) -> Went:
    """As the log says; but raised when the looks say, as it is now: ticks come when they come."""
    finding, onset = incident.first_finding, incident.onset_at
    forecast = incident.kind == "predicted"
    at = frozen.looks.found_at if frozen and frozen.looks.found_at else incident.opened_at
    after = None if onset is None else max((incident.opened_at - onset).total_seconds(), 0.0)
    offered = tuple(option.hotfix for option in incident.menu or () if option.hotfix != NOTHING_DONE)
    return Went(
        raised_at=at,
        after_seconds=after,
        check=finding.check if finding else None,
        predicted=forecast,
        named=_name(incident.diagnosis),
        offered=tuple(dict.fromkeys(offered)),
    )


def _after(then: Went, raised_at: datetime | None) -> float | None:
    """How long after the onset: as then, shifted by how much earlier or later it is raised now."""
    if raised_at is None or then.raised_at is None or then.after_seconds is None:
        return None
    return max(then.after_seconds + (raised_at - then.raised_at).total_seconds(), 0.0)


def _name(diagnosis: Diagnosis | None) -> str | None:
    """
    The kind of the cause, and its object.

    >>> _name(Diagnosis(cause="Half of it is missing", cause_kind="feed", object="plays"))
    'feed plays'
    """
    if diagnosis is None or diagnosis.cause_kind == UNKNOWN:
        return None
    return " ".join(filter(None, (diagnosis.cause_kind, diagnosis.object)))


def _bytes(bundle: Opened | None) -> int | None:
    return None if bundle is None else bundle.manifest.bytes


def _identical(incident: Incident, frozen: Frozen | None) -> bool | None:
    """Whether the looks raise it as the log has it: in the window in which it was found live."""
    first = incident.first_finding
    if frozen is None or first is None:
        return None
    return frozen.looks.found_end == first.window_end
