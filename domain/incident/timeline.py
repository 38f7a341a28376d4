"""What happened, minute by minute, in words and as corrected."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, assert_never

from domain.incident import events as e
from domain.incident.numbers import minute
from domain.incident.sentence import sentence
from domain.values import Moment, Value


class Amendment(Value):
    """What a line said before it was corrected, who corrected it, when and why."""

    at: Moment
    who: str
    was: str
    reason: str


class Entry(Value):
    """
    One line of the timeline, as corrected.

    `id` is the event's; `amendments` are what it said before, oldest first.
    """

    id: str
    at: Moment
    who: str
    what: str
    wire_name: str
    amendments: tuple[Amendment, ...] = ()


class _Line(Value):
    """An event with the corrections so far applied."""

    record: e.Recorded
    onset_at: Moment | None = None
    amendments: tuple[Amendment, ...] = ()


def timeline(recorded: Iterable[e.Recorded]) -> tuple[Entry, ...]:
    """One line per event, in the order of the log; a line whose time was corrected is at its new time."""
    labels: dict[str, str] = {}
    lines: dict[str, _Line] = {}
    moved: set[str] = set()
    for record in recorded:
        event = record.event
        lines[record.id] = _Line(record=record)
        if isinstance(event, e.MenuPrepared):
            labels |= {option.key: option.label for option in event.options}
        if isinstance(event, e.Correction):
            lines[event.corrects] = _amended(lines[event.corrects], record, event)
            moved |= {event.corrects} if isinstance(event, e.TimeCorrected) else set()
    entries = [_entry(line, labels) for line in lines.values()]
    in_order = [entry for entry in entries if entry.id not in moved]
    for entry in entries:
        if entry.id in moved:
            later = (place for place, one in enumerate(in_order) if one.at > entry.at)
            in_order.insert(next(later, len(in_order)), entry)
    return tuple(in_order)


def _entry(line: _Line, labels: dict[str, str]) -> Entry:
    record = line.record
    began = f"; it began {_minute(line.onset_at)}" if line.onset_at else ""
    return Entry(
        id=record.id,
        at=record.at,
        who=record.actor,
        what=sentence(record.event, labels) + began,
        wire_name=record.event.wire_name,
        amendments=line.amendments,
    )


def _amended(line: _Line, correction: e.Recorded, event: e.Correction) -> _Line:
    wrong = right = line.record
    onset_at = line.onset_at
    says: Any = wrong.event
    match event:
        case e.TimeCorrected():
            was, right = _minute(wrong.at), wrong._replace(at=event.happened_at)
        case e.OnsetCorrected():
            gathered = isinstance(wrong.event, e.DiagnosisGathered)
            before = onset_at or (says.diagnosis.since if gathered else None)
            was, onset_at = _minute(before), event.since
        case e.NoteCorrected():
            note = says.model_copy(update={"text": event.text})
            was, right = f"“{says.text}”", wrong._replace(event=note)
        case e.SeverityCorrected():
            judged = says.model_copy(update={"severity": event.severity})
            was, right = says.severity, wrong._replace(event=judged)
        case _:
            assert_never(event)
    amendment = Amendment(at=correction.at, who=correction.actor, was=was, reason=event.reason)
    return _Line(record=right, onset_at=onset_at, amendments=(*line.amendments, amendment))


def _minute(moment: datetime | None) -> str:
    return "not known" if moment is None else minute(moment)
