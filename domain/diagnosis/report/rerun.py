"""What running logged requests again established, as evidence."""

from __future__ import annotations

from collections.abc import Sequence

from domain.diagnosis.known import Known
from domain.diagnosis.material import Material
from domain.diagnosis.rerun.values import Rerun, StepDifference
from domain.diagnosis.two_by_two import Part

MOST = 4  # differences of one step that are reported


def report_rerun(material: Material, known: Known, seed: int) -> None:
    """
    Each step that differs; or that none does, which leaves the input and the model itself. That a former
    version without a file scored some rows, as it did before it began, is no difference.
    """
    found = material.rerun
    if found is None:
        return
    if found.refused is not None:
        known.say(
            "reproduction",
            f"The model file is not the one that scored the log, so nothing is said that rests on it: "
            f"{found.refused}",
        )
    former = [one for one in found.differences if one.unkept and not one.is_new]
    differences = [
        one
        for one in found.differences
        if one not in former and (found.refused is None or one.step != "model")
    ]
    for step in dict.fromkeys(one.step for one in differences):
        for one in [other for other in differences if other.step == step][:MOST]:
            known.say("reproduction", _words(one), min(one.differing / max(one.rows, 1), 1.0))
    if found.refused is None and not any(one.step in ("model", "serving") for one in differences):
        known.say("reproduction", _same(found, former), found.identical / max(found.requests, 1))


def report_two_by_two(material: Material, known: Known, seed: int) -> None:
    """How much of the change is input, model, serving, ranking, logging, each with its interval."""
    found = material.two_by_two
    if found is None:
        return
    table = (("part", "share of the change", "change a request"), *(_row(one) for one in found.parts))
    known.say("reproduction", found.words, table=table)


def _row(one: Part) -> tuple[str, ...]:
    if one.exact:
        return (one.name, "0 %", "0, bit for bit")
    change = f"{one.change:+.3g} [{one.low:+.2g} to {one.high:+.2g}]"
    if one.share is None or one.share_low is None or one.share_high is None:
        return (one.name, "cannot be determined", change)
    return (
        one.name,
        f"{100 * one.share:.0f} % [{100 * one.share_low:.0f}–{100 * one.share_high:.0f}]",
        change,
    )


def _words(one: StepDifference) -> str:
    if one.before is None:
        return one.words
    return one.words if one.is_new else f"{one.words}; it was so before it began"


def _same(found: Rerun, former: Sequence[StepDifference]) -> str:
    words = (
        f"{found.identical:,} of {found.requests:,} logged requests, run again, reproduce their logged "
        "scores bit for bit"
    )
    rest = found.requests - found.identical - found.rounded
    if found.rounded:
        words += f", {found.rounded:,} but for the last digits"
    if former:
        which = " and ".join(str(one.version) for one in former)
        words += f"; {sum(one.requests for one in former):,} are of {which}, of which no file is kept"
    return words if rest else f"{words}: the model and serving did as they should"
