"""
How long each step of an incident took, by versioned definitions.

A definition is never changed: a new one is added after it, with the next version. Times are folds of events,
so a new definition also recomputes the past, and times by an earlier definition can still be asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.errors import Refused
from domain.incident.state import Incident
from domain.values import Value

NONE = timedelta(0)


@dataclass(frozen=True)
class Definition:
    """
    From when to when a step's time is counted.

    Args:
        took: the time in an incident, as corrected; None where the step was not taken or does not apply.
    """

    step: str
    version: int
    says: str
    took: Callable[[Incident], timedelta | None]

    @property
    def called(self) -> str:
        """Its step and version, spelled as they are asked for."""
        return f"{self.step}=v{self.version}"


def _between(first: datetime | None, last: datetime | None) -> timedelta | None:
    """The time between the two, never negative, whatever a clock did."""
    return None if first is None or last is None else max(last - first, NONE)


def _since_opening(moment: Callable[[Incident], datetime | None]) -> Callable[[Incident], timedelta | None]:
    return lambda incident: _between(incident.opened_at, moment(incident))


def _detected(incident: Incident) -> timedelta | None:
    """Without a dated onset, from the start of the first window found: leaving these out would flatter."""
    if incident.kind == "predicted":
        return None
    first = incident.first_finding
    began = incident.onset_at or (first.window_start if first is not None else None)
    return _between(began, incident.opened_at)


DEFINITIONS: Mapping[str, tuple[Definition, ...]] = {
    "detect": (
        Definition(
            "detect",
            1,
            "from the onset that the diagnosis dates to the alarm; what it does not date is left out",
            lambda incident: _between(incident.onset_at, incident.opened_at),
        ),
        Definition(
            "detect",
            2,
            "from the onset to the alarm; where none was dated, from the start of the first window found",
            _detected,
        ),
    ),
    "acknowledge": (
        Definition(
            "acknowledge",
            1,
            "from the alarm to “I have it”",
            _since_opening(lambda one: one.acknowledged_at),
        ),
    ),
    "diagnose": (
        Definition(
            "diagnose",
            1,
            "from the alarm to all of the evidence",
            _since_opening(lambda one: one.diagnosed_at),
        ),
    ),
    "mitigate": (
        Definition(
            "mitigate",
            1,
            "from the alarm to the repair, verified",
            _since_opening(lambda one: one.mitigated_at),
        ),
    ),
    "resolve": (
        Definition("resolve", 1, "from the alarm to the end", _since_opening(lambda one: one.resolved_at)),
    ),
    "close": (
        Definition(
            "close",
            1,
            "from the alarm to the closing, with its follow-up answered",
            _since_opening(lambda one: one.closed_at),
        ),
    ),
    "attend": (
        Definition(
            "attend",
            1,
            "from the first “I have it” to the end, by the clock and not by persons",
            lambda incident: _between(incident.acknowledged_at, incident.resolved_at),
        ),
    ),
}
"""Step → its definitions, oldest first; the last one is used."""

STEPS = ("detect", "acknowledge", "diagnose", "mitigate", "resolve")
"""The steps that every page shows."""

MeanTimes = Mapping[str, tuple[timedelta, int]]
"""Step → (mean, over how many incidents)."""


class Durations(Value):
    """
    How long each step took by the current definitions; None where it has not been taken. Never negative.

    `to_evidence` is until the first piece of evidence could be read, `to_diagnose` until all of it could.
    """

    to_detect: timedelta | None
    to_acknowledge: timedelta | None
    to_evidence: timedelta | None
    to_diagnose: timedelta | None
    to_mitigate: timedelta | None
    to_resolve: timedelta | None


def durations(incident: Incident) -> Durations:
    """The times of an incident."""
    taken = {f"to_{step}": current(step).took(incident) for step in STEPS}
    return Durations(**taken, to_evidence=_between(incident.opened_at, incident.evidenced_at))


def current(step: str) -> Definition:
    """The definition of a step that is used now."""
    return DEFINITIONS[step][-1]


def definition(asked: str) -> Definition:
    """
    The definition with this name.

    Raises:
        Refused: there is no such step or version.

    >>> definition("detect=v1").version, definition("detect").version
    (1, 2)
    """
    step, _, version = asked.partition("=")
    known = DEFINITIONS.get(step.strip())
    if known is None:
        raise Refused(f"There is no time called “{step}”; there are {', '.join(DEFINITIONS)}.")
    if not version:
        return known[-1]
    for one in known:
        if version.strip().removeprefix("v") == str(one.version):
            return one
    versions = ", ".join(f"v{one.version}" for one in known)
    raise Refused(f"The time to {step} has no version “{version}”; it has {versions}.")
