"""What was done about an incident: one hotfix at a time, from choice to end."""

from __future__ import annotations

from typing import Literal

from domain.incident.events.event import Event
from domain.values import Estimate, Moment

RevertCause = Literal["person", "no_effect", "harm", "stage_failed"]
"""Why a hotfix is reverted: a person asked, it did not repair, things got worse under it, or it could not be
put in force for more members."""

WORTH_KEEPING = 0.5
"""Share of the gap that a hotfix has to close to stay in force even though the metric is not back."""


class HotfixChosen(Event):
    """A person chose this option, as in the menu with this digest, where the press carried one."""

    wire_name = "hotfix.chosen"
    option: str
    menu: str | None = None


class HotfixApproved(Event):
    """
    It may be deployed, as in the menu with this digest: from now on its deployment is owed. `break_glass` is
    why it is deployed without the second person it needs; None where it is not.
    """

    wire_name = "hotfix.approved"
    option: str
    menu: str | None = None
    break_glass: str | None = None


class HotfixRejected(Event):
    """A person said no to the chosen option."""

    wire_name = "hotfix.rejected"
    option: str
    reason: str


class HotfixApplied(Event):
    """
    The deployer put it in force for a `share` of members; it is watched until `watch_until`. `receipt` is the
    deployer's answer. `hold_out` of all members are never served it, even where the share is 1.
    """

    wire_name = "hotfix.applied"
    option: str
    receipt: str
    expires_at: Moment | None
    watch_until: Moment
    share: float = 1.0
    hold_out: float = 0.0


class StagePassed(Event):
    """No harm was seen while a `share` of members was served with it; the next stage is owed."""

    wire_name = "hotfix.stage_passed"
    option: str
    share: float


class HotfixWidened(Event):
    """
    The deployer put it in force for a larger `share` of members. `hold_out` of all members are never served
    it.
    """

    wire_name = "hotfix.widened"
    option: str
    share: float
    receipt: str
    watch_until: Moment
    hold_out: float = 0.0


class HotfixFailed(Event):
    """The deployer did not do it, and why."""

    wire_name = "hotfix.failed"
    option: str
    reason: str


class HotfixWatched(Event):
    """
    One look at the metric while the hotfix is in force. `low`–`high` is the interval of `repaired_share`,
    None where the gap is relative to nothing.
    """

    wire_name = "hotfix.watched"
    option: str
    observed: float
    expected: float
    repaired_share: float
    window_end: Moment
    window_start: Moment | None = None
    low: float | None = None
    high: float | None = None


class HotfixVerified(Event):
    """The metric that raised the alarm is back: `repaired_share` of the gap was closed."""

    wire_name = "hotfix.verified"
    option: str
    observed: float
    expected: float
    repaired_share: float
    low: float | None = None
    high: float | None = None


class HotfixRefuted(Event):
    """
    The watch ended and the metric is not back. `low`–`high` is the interval of `repaired_share`, which is
    None where the effect could not be measured.
    """

    wire_name = "hotfix.refuted"
    option: str
    reason: str
    repaired_share: float | None = None
    low: float | None = None
    high: float | None = None

    @property
    def found_useless(self) -> bool:
        """
        Whether it was measured and did not help: one that surely closed half of the gap helps, if not enough.
        """
        if self.repaired_share is None:
            return False
        surely = self.low is not None and self.low > 0
        return not (surely and self.repaired_share >= WORTH_KEEPING)


class HotfixCostMeasured(Event):
    """
    The change in what all members together chose from `window_start` to `window_end`, while it was in force,
    against before: above 0 a gain, below 0 a loss. `cost` has no value where that is unknown; its basis says
    why.
    """

    wire_name = "hotfix.cost_measured"
    option: str
    cost: Estimate
    window_start: Moment
    window_end: Moment


class HotfixWorthMeasured(Event):
    """
    What it was worth from `window_start` to `window_end`, comparing members who are served it with those held
    out: `repaired` is the share of the gap that it closed, `gained` what everybody gained by it (below 0:
    lost). Either has no value where it cannot be measured, and its basis says why.
    """

    wire_name = "hotfix.worth_measured"
    option: str
    repaired: Estimate
    gained: Estimate
    window_start: Moment
    window_end: Moment


class RevertRequested(Event):
    """
    The hotfix is to be reverted: from now on that is owed. `low`–`high` is the interval of `repaired_share`
    as measured by the look that saw harm.
    """

    wire_name = "hotfix.revert_requested"
    option: str
    because: RevertCause = "person"
    reason: str = ""
    repaired_share: float | None = None
    low: float | None = None
    high: float | None = None


class HotfixReverted(Event):
    """The deployer reverted it."""

    wire_name = "hotfix.reverted"
    option: str
    receipt: str


class RevertFailed(Event):
    """The deployer did not revert it, and why."""

    wire_name = "hotfix.revert_failed"
    option: str
    reason: str


class HotfixExpired(Event):
    """Its time was up; it no longer acts."""

    wire_name = "hotfix.expired"
    option: str


class ExpiryReminded(Event):
    """People were told that it expires soon, unless somebody renews it."""

    wire_name = "hotfix.expiry_reminded"
    option: str
    expires_at: Moment


class RenewalRequested(Event):
    """A person wants it to stay in force until `expires_at`: the deployer has to be told the new expiry."""

    wire_name = "hotfix.renewal_requested"
    option: str
    expires_at: Moment
    reason: str


class HotfixRenewed(Event):
    """The deployer accepted the new expiry."""

    wire_name = "hotfix.renewed"
    option: str
    expires_at: Moment
    receipt: str


class RenewalFailed(Event):
    """The deployer did not accept the new expiry, and why: the former one remains."""

    wire_name = "hotfix.renewal_failed"
    option: str
    reason: str
