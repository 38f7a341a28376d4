"""What hotfixes did in rehearsals. It belongs to no incident and has a stream of its own."""

from __future__ import annotations

from datetime import date
from typing import Literal

from domain.incident.events.event import Event
from domain.values import Estimate

REHEARSALS = "rehearsals"
"""The stream of these events, one per workspace. It has no card."""

Verdict = Literal["repairs", "misses", "nothing", "impossible"]
"""It repairs what the menu promises, repairs more or less, repairs nothing, or could not be rehearsed."""


class HotfixRehearsed(Event):
    """
    A declared hotfix was tried on a shadow of the log, in which a fault had been planted.

    `day` is the day in the recommender's time zone, and seeds what was left to chance. `planted` is the fault
    in words, empty where none could be planted; `promised` is what the menu promised to repair of it and
    `repaired` the share (1 is all) that it really repairs, known because the fault was planted. `says` gives
    the reason for the verdict; `undoes` is what a rollback takes back.
    """

    wire_name = "hotfix.rehearsed"
    hotfix: str
    kind: str
    day: date
    verdict: Verdict
    says: str
    planted: str = ""
    undoes: Literal["deliveries", "model"] | None = None
    promised: Estimate | None = None
    repaired: float | None = None
