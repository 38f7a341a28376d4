"""Whether a rollback fits the onset: what it takes back must not have come after things went wrong."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from domain.resolution.circumstances import Circumstances, Replaced, Serves
from domain.resolution.price import Price
from domain.resolution.way import Unfit, unknown

SHORTLY = timedelta(hours=6)
"""How long before the onset a replacement may be: without a known cause, earlier ones are not rolled back."""

CALLED: Mapping[Serves, tuple[str, str]] = {
    "deliveries": ("delivery of the items", "came"),
    "model": ("model", "took over"),
}


def too_late(undoes: Serves, around: Circumstances) -> Unfit | None:
    """Unfit where what it takes back came after the onset and so cannot have brought the fault."""
    replaced = around.replaced.get(undoes)
    if replaced is None or replaced.at <= around.onset_by:
        return None
    return Unfit(f"{_arrival(undoes, replaced, around)} after it began at {around.clock(around.onset)}")


def fits_unexplained(undoes: Serves, around: Circumstances) -> str | Unfit:
    """
    How a rollback fits the onset of an unexplained incident, in words; else why it does not.

    It fits where what it takes back came within six hours, or two windows, before it began.
    """
    replaced = around.replaced.get(undoes)
    noun, _came = CALLED[undoes]
    if around.finding.kind == "predicted":
        return Unfit("a forecast has no onset that a rollback could fit")
    if replaced is None:
        return Unfit(f"no {noun} is known to have come before it began")
    if late := too_late(undoes, around):
        return late
    arrival = _arrival(undoes, replaced, around)
    window = around.finding.window_end - around.finding.window_start
    if around.onset - replaced.at > max(SHORTLY, 2 * window):
        return Unfit(f"{arrival} long before it began")
    return f"{arrival} shortly before it began at {around.clock(around.onset)}"


def unpriced(why: str, around: Circumstances) -> Price:
    """A price without numbers: an unexplained fault cannot be replayed; a rollback may touch everything."""
    return unknown(around, f"not priced: {why}", blast=1.0)


def _arrival(undoes: Serves, replaced: Replaced, around: Circumstances) -> str:
    noun, came = CALLED[undoes]
    which = f" {replaced.now}" if undoes == "model" else ""
    return f"the {noun}{which} {came} at {around.clock(replaced.at)},"
