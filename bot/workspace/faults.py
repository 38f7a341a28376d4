"""The faults that a test has ordered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

API_FAULTS = ("ratelimited", "server_error", "refused", "slow", "drop_before_effect", "drop_after_effect")
DELIVERY_FAULTS = ("twice", "unsigned", "old_timestamp", "wrong_signature", "lost")


@dataclass
class Fault:
    """
    The next `count` occasions of `method` go wrong in the way `kind` says.

    Attributes:
        kind:          one of `API_FAULTS` (calls of the app) or `DELIVERY_FAULTS` (calls to the app).
        method:        a Web API method; for a delivery `command`, `block_actions`, `view_submission`,
                       `view_closed` or `event`; `any` for all.
        count:         how often it still happens.
        retry_after:   seconds in the Retry-After of a 429.
        error:         what `refused` answers with, one of Slack's codes.
        delay_seconds: how long `slow` waits before it answers.
    """

    kind: str
    method: str = "any"
    count: int = 1
    retry_after: int = 1
    delay_seconds: float = 1.0
    error: str = "internal_error"


class Faults:
    """The orders that are still open, first come first served."""

    def __init__(self) -> None:
        self._open: list[Fault] = []

    def order(self, fault: Fault) -> None:
        """
        Raises:
            ValueError: the kind is unknown, or the count is below one.
        """
        if fault.kind not in API_FAULTS + DELIVERY_FAULTS:
            raise ValueError(
                f"No such fault: {fault.kind}. Known: {', '.join(API_FAULTS + DELIVERY_FAULTS)}."
            )
        if fault.count < 1:
            raise ValueError("A fault has to happen at least once: count must be 1 or more.")
        self._open.append(fault)

    def take(self, kinds: Sequence[str], method: str) -> Fault | None:
        """The next order for this occasion, counted down; None when all goes well."""
        for fault in self._open:
            if fault.kind in kinds and fault.method in {method, "any"}:
                fault.count -= 1
                if fault.count == 0:
                    self._open.remove(fault)
                return fault
        return None

    def clear(self) -> None:
        self._open.clear()

    def listed(self) -> list[dict[str, Any]]:
        return [asdict(fault) for fault in self._open]
