"""What hotfixes did in rehearsals. It is of no incident: it stands in a stream of its own."""

from __future__ import annotations

from datetime import date
from typing import Literal

from domain.incident.events.event import Event
from domain.values import Estimate

REHEARSALS = "rehearsals"
"""The stream of these events, one a workspace. It has no card."""

Verdict = Literal["repairs", "misses", "nothing", "impossible"]
"""It repairs what the menu promises; other than that; nothing; or it could not be rehearsed."""


class HotfixRehearsed(Event):
    """
    A declared hotfix was tried on a shadow of the log, in which a fault had been planted.

    `day` is the recommender's own, from which what was left to chance is drawn. `planted` is the fault in
    words, empty where none could be planted; `promised` is what the menu promised of it and `repaired` the
    share (1 is all) that it really repairs, which is known because the fault was planted. `says` is why;
    `undoes` is what a rollback takes back.
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
