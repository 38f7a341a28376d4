"""The faults that a test has ordered."""

from __future__ import annotations

from typing import Literal, get_args

from pydantic import Field, TypeAdapter
from pydantic.dataclasses import dataclass

ApiFault = Literal[
    "ratelimited", "server_error", "refused", "slow", "drop_before_effect", "drop_after_effect"
]
DeliveryFault = Literal["twice", "unsigned"]
API_FAULTS: tuple[str, ...] = get_args(ApiFault)
DELIVERY_FAULTS: tuple[str, ...] = get_args(DeliveryFault)


@dataclass
class Fault:
    """
    The next `count` occasions of `method` go wrong in the way `kind` says.

    Attributes:
        kind:          an `ApiFault` (calls of the app) or a `DeliveryFault` (calls to the app).
        method:        a Web API method; for a delivery `command`, `block_actions`, `view_submission` or
                       `event`.
        count:         how often it still happens.
        retry_after:   seconds in the Retry-After of a 429.
        delay_seconds: how long `slow` waits before it answers.
        error:         what `refused` answers with, one of Slack's codes.
    """

    kind: ApiFault | DeliveryFault
    method: str
    count: int = Field(default=1, ge=1)
    retry_after: int = 1
    delay_seconds: float = 1.0
    error: str = "internal_error"


FAULT = TypeAdapter(Fault)


class Faults:
    """The orders that are still open, first come first served."""

    def __init__(self) -> None:
        self._open: list[Fault] = []

    def order(self, fault: Fault) -> None:
        self._open.append(fault)

    def take(self, kinds: tuple[str, ...], method: str) -> Fault | None:
        """The next order for this occasion, counted down; None when all goes well."""
        for fault in self._open:
            if fault.count and fault.kind in kinds and fault.method == method:
                fault.count -= 1
                return fault
        return None
