"""What the steps of one diagnosis have established so far."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from domain.diagnosis.changes.delivered import Delivered
from domain.diagnosis.items.features import Oddity
from domain.diagnosis.localise import Localised
from domain.diagnosis.onset import Onset
from domain.diagnosis.scene import Scene
from domain.values import Evidence, Finding


@dataclass
class Known:
    """
    Filled step by step. `repaired` is the share of the gap that closes in replay (0–1), `delivered` what the
    last delivery broke, `change` the part of it that concerns the finding's items; `outside_since` is when
    what the check measures left its band, where no onset is known; `unread` says what could not be read.
    """

    evidence: list[Evidence] = field(default_factory=list)
    onset: Onset | None = None
    outside_since: datetime | None = None
    slices: tuple[Localised, ...] = ()
    concerned: tuple[str, ...] = ()
    delivered: tuple[Delivered, ...] = ()
    change: Delivered | None = None
    oddity: Oddity | None = None
    repaired: float | None = None
    scene: Scene | None = None
    unread: list[Evidence] = field(default_factory=list)

    def begun(self, finding: Finding) -> datetime:
        """
        Since when; if no single moment stands out, the start of the first window outside its band, else of
        the one in which it was found.
        """
        if self.onset is not None:
            return self.onset.since
        return self.outside_since or finding.window_start

    def right_until(self, finding: Finding) -> datetime:
        """Until when all was right: what begins late in a window shows in the next one."""
        if self.onset is None:
            return self.begun(finding) - (finding.window_end - finding.window_start)
        return self.onset.last_right or self.onset.since

    @property
    def at_fault(self) -> tuple[str, ...]:
        """The items that the last delivery broke; else all that are concerned."""
        return self.change.items if self.change is not None and self.change.items else self.concerned

    def say(
        self,
        kind: str,
        statement: str,
        strength: float | None = None,
        table: tuple[tuple[str, ...], ...] = (),
    ) -> None:
        """Add a line; `strength` is a share (0–1) that was measured, null where none was."""
        self.evidence.append(
            Evidence.model_validate(
                {"kind": kind, "statement": statement, "strength": strength, "table": table}
            )
        )
