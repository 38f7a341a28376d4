"""What was recorded wrongly, and what is right. The wrong fact stays in the log; this one is added to it."""

from __future__ import annotations

from domain.incident.events.event import Event
from domain.values import Moment, Severity


class TimeCorrected(Event):
    """What the event `corrects` (its id) describes happened at another time than was recorded."""

    wire_name = "time.corrected"
    corrects: str
    happened_at: Moment
    reason: str


class OnsetCorrected(Event):
    """The harm began at another time than the event `corrects` says."""

    wire_name = "onset.corrected"
    corrects: str
    since: Moment
    reason: str


class NoteCorrected(Event):
    """The note that the event `corrects` recorded is replaced by this text."""

    wire_name = "note.corrected"
    corrects: str
    text: str
    reason: str


class SeverityCorrected(Event):
    """The severity that the event `corrects` gave was wrong from the start."""

    wire_name = "severity.corrected"
    corrects: str
    severity: Severity
    reason: str
