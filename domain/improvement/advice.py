"""What should become of a check according to its record, and what in the record shows it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from math import floor
from typing import Literal, NamedTuple

from domain.improvement.proportion import share_of
from domain.recommender.check import Check
from domain.values import Estimate, Finding, Value

LEAST_JUDGED = 4  # alarms that were right or false, before any advice is given
RETIRED_AFTER = timedelta(days=90)  # on record without a single alarm that was right
LEAST_MISSED = 2
STEP = 0.01

Move = Literal["promote", "retire", "tighten", "loosen"]


class Advice(Value):
    """What should become of a check: `says` gives the reason, `key` what to declare for it."""

    move: Move
    says: str
    key: str = ""


class Judged(NamedTuple):
    """An alarm of a check that turned out right or false, and what it had found."""

    right: bool
    finding: Finding | None = None


def precision(right: int, false: int) -> Estimate | None:
    """The share of the judged alarms that were right; None without any."""
    return share_of(right, right + false, "alarms that were judged") if right + false else None


def recall(right: int, missed: int) -> Estimate | None:
    """The share of everything found in its table that the check itself found; None where nothing was."""
    return share_of(right, right + missed, "real incidents of its table") if right + missed else None


def advise(
    check: Check, judged: Sequence[Judged], missed: Sequence[int], on_record: timedelta, *, earned: bool
) -> Advice | None:
    """
    The one thing to do next; None where the record suggests nothing.

    Args:
        missed: numbers of incidents that others found in its table and it did not.
        earned: its record is good enough for it to page people.
    """
    right, false = (sum(one.right is so for one in judged) for so in (True, False))
    if check.shadow:
        return Advice(move="promote", says="its record earns it that people are paged") if earned else None
    if false >= LEAST_JUDGED and not right and on_record >= RETIRED_AFTER:
        return Advice(move="retire", says=f"none of its {false} alarms was right in {on_record.days} days")
    if right + false >= LEAST_JUDGED and false and (tighter := _tighter(check, judged)) is not None:
        return tighter
    if len(missed) >= LEAST_MISSED and right + false >= LEAST_JUDGED and not false:
        numbers = ", ".join(f"#{number}" for number in missed)
        lower = max(floor(check.least_change / 2 / STEP) * STEP, STEP)
        return Advice(
            move="loosen",
            says=f"it missed {numbers}, and none of its {right} alarms was false",
            key=f"least_change = {lower:.2g}",
        )
    return None


def _tighter(check: Check, judged: Sequence[Judged]) -> Advice | None:
    """A `least_change` that would have suppressed most false alarms and none that was right."""
    changes = {
        so: [abs(one.finding.change) for one in judged if one.right is so and one.finding is not None]
        for so in (True, False)
    }
    least = min(changes[True], default=None)
    if least is None:
        return None
    smaller = [change for change in changes[False] if change < least]
    false = sum(not one.right for one in judged)
    if 2 * len(smaller) <= false:
        return None
    key = floor((max(smaller) + least) / 2 / STEP) * STEP
    if not max(smaller) < key <= least or key <= check.least_change:
        return None
    right = sum(one.right for one in judged)
    left_out = f"{len(smaller)} of {false} false alarms and none of {right} that were right"
    says = f"it would have left out {left_out}"
    return Advice(move="tighten", says=says, key=f"least_change = {key:.2g}")
