"""What the steps of one diagnosis have established so far."""

from __future__ import annotations

from dataclasses import dataclass, field

from domain.diagnosis.features import Change, Oddity
from domain.diagnosis.localise import Localised
from domain.diagnosis.onset import Onset
from domain.values import Evidence


@dataclass
class Known:
    """Filled step by step; `repaired` is the share of the gap that closes in replay (0–1)."""

    evidence: list[Evidence] = field(default_factory=list)
    onset: Onset | None = None
    slices: tuple[Localised, ...] = ()
    concerned: tuple[str, ...] = ()
    change: Change | None = None
    oddity: Oddity | None = None
    repaired: float | None = None

    def say(
        self, kind: str, statement: str, strength: float, table: tuple[tuple[str, ...], ...] = ()
    ) -> None:
        self.evidence.append(
            Evidence.model_validate(
                {"kind": kind, "statement": statement, "strength": strength, "table": table}
            )
        )
