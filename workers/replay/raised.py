"""Who would raise an incident now: today's checks of its table, walked over the looks that were kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from domain.errors import BundleError, RecsysopsError
from domain.recommender.check import Check
from domain.recommender.recommender import Recommender
from domain.values import Finding
from workers.checks.plan import Plan, plan, window_checks
from workers.checks.tape import Tape, taped
from workers.replay.freeze import Frozen, Looks, declared_as, results_of_looks
from workers.sources.engines.files import kept_open

LATER = 2  # windows
IsOf = Callable[[Finding], bool]


@dataclass(frozen=True)
class Raised:
    """
    When, and by which check; null if by none. `judged`: whether anything can be said about it. `on_kept`:
    whether it is based on the looks that were kept, not on the table.
    """

    at: datetime | None = None
    check: str | None = None
    predicted: bool = False
    judged: bool = True
    on_kept: bool = True
    notes: tuple[str, ...] = ()


def raised_by(
    recommender: Recommender, name: str, first: Finding, frozen: Frozen | None, is_of: IsOf
) -> Raised | None:
    """
    What one check would do if it paged people, in shadow mode or not; its table is asked for what was not
    kept. None if nothing was kept, or the check is of a kind that is not walked.
    """
    check = recommender.checks.get(name)
    if check is None or check not in window_checks(recommender) or first.kind == "predicted":
        return None
    if frozen is None or frozen.looks.found_at is None:
        return None
    loud = {**recommender.checks, name: check.model_copy(update={"shadow": False})}
    spoken = recommender.model_copy(update={"checks": loud})
    return _own(spoken, plan(spoken, loud[name]), frozen, is_of)


def raised_now(
    recommender: Recommender,
    first: Finding,
    frozen: Frozen | None,
    is_of: IsOf,
    agreed: Raised | None = None,
) -> Raised:
    """
    Which of the checks declared now raises it first; for the original check, its table is asked for what was
    not kept.

    Args:
        first: what raised it then.
        is_of: whether a finding belongs to the incident.
        agreed: the result of its follow-up's check, if that pages people.
    """
    if first.kind == "predicted":
        return _forecast(recommender, first)
    if frozen is None:
        return _undeclared(recommender, first) or Raised(judged=False)
    if frozen.looks.found_at is None:
        says = "the looks that were kept do not raise it, even by the check of then: not comparable"
        return _undeclared(recommender, first) or Raised(judged=False, notes=(says,))
    others = [
        _on_tape(recommender, plan(recommender, check), frozen, is_of)
        for check in window_checks(recommender)
        if check.name != first.check and plan(recommender, check).table.name == frozen.looks.table
    ]
    same = recommender.checks.get(first.check)
    own = None if same is None else _own(recommender, plan(recommender, same), frozen, is_of)
    found = [one for one in (own, *others, agreed) if one is not None and one.at is not None]
    notes = own.notes if own is not None else (f"[checks.{first.check}] is not declared any more",)
    if found:
        return replace(min(found, key=lambda one: (one.at, one is not own)), notes=notes)
    return Raised(judged=own is None or own.judged, notes=notes)


def _undeclared(recommender: Recommender, first: Finding) -> Raised | None:
    """Without looks, only this is known: a check that is gone raises nothing."""
    if first.check in recommender.checks:
        return None
    return Raised(notes=(f"[checks.{first.check}] is not declared any more",))


def _forecast(recommender: Recommender, first: Finding) -> Raised:
    check = recommender.checks.get(first.check)
    if check is None:
        return Raised(notes=(f"[checks.{first.check}] is not declared any more",))
    if (why := recommender.quiet(first)) is not None:
        return Raised(notes=(f"nobody is alerted to what {first.check} finds ({why})",))
    says = "it was forecast: of the launch calendar no look is kept, and the forecast is not made again"
    return Raised(check=check.name, predicted=True, notes=(says,))


def _on_tape(recommender: Recommender, planned: Plan, frozen: Frozen, is_of: IsOf) -> Raised | None:
    """The result of another check of the table; None if it asks what was not asked then."""
    tape = Tape(frozen.tape.answers, plays=True)
    with taped(tape):
        try:
            return _first(recommender, planned, frozen.looks, is_of)
        except BundleError:
            return None


def _own(recommender: Recommender, planned: Plan, frozen: Frozen, is_of: IsOf) -> Raised:
    """The result of the original check as it is declared now."""
    tape = Tape(frozen.tape.answers, plays=True)
    with taped(tape):
        try:
            return _first(recommender, planned, frozen.looks, is_of)
        except BundleError as error:
            says = str(error)
    if not tape.missed:
        return Raised(judged=False, notes=(f"{planned.check.name} cannot look: {says}",))
    then = frozen.looks
    why = _changed(then.declared, planned.check) if planned.check.name == then.check else "another check"
    changed = f"not frozen: needs the table ({why})"
    return _of_the_table(recommender, planned, frozen.looks, is_of, changed)


@kept_open()
def _of_the_table(recommender: Recommender, planned: Plan, looks: Looks, is_of: IsOf, changed: str) -> Raised:
    later = None if looks.end is None else looks.end + LATER * planned.window  # windows may end elsewhere now
    try:
        found = _first(recommender, planned, looks.model_copy(update={"end": later}), is_of)
    except RecsysopsError as error:
        says = f"{changed}, and that cannot be read now: {error}"
        return Raised(judged=False, on_kept=False, notes=(says,))
    if not found.judged:
        return replace(found, on_kept=False, notes=(changed, *found.notes))
    return replace(found, on_kept=False, notes=(f"{changed}, which was asked as it is now", *found.notes))


def _first(recommender: Recommender, planned: Plan, looks: Looks, is_of: IsOf) -> Raised:
    """
    The first look that alerts somebody to it.

    Raises:
        BundleError: a look before that cannot be taken.
    """
    quiet: list[str] = []
    judged = False
    for look in results_of_looks(recommender, planned, looks):
        judged = judged or look.judged
        mine = [finding for finding in look.findings if is_of(finding)]
        loud = [finding for finding in mine if recommender.quiet(finding) is None]
        if loud:
            return Raised(look.at, planned.check.name)
        quiet += [why for finding in mine if (why := recommender.quiet(finding)) is not None]
    if not judged:
        return Raised(judged=False, notes=(f"history too short for {planned.check.name} to judge",))
    if quiet:
        return Raised(notes=(f"nobody is alerted to what {planned.check.name} finds ({quiet[0]})",))
    return Raised(notes=(f"{planned.check.name} was walked until {looks.end:%Y-%m-%d %H:%M} UTC",))


def _changed(then: Mapping[str, str], now: Check) -> str:
    """
    The keys that differ from what they were.

    >>> before = Check(name="late", kind="volume", ways=1)
    >>> _changed(declared_as(before), before.model_copy(update={"ways": 2}))
    'ways: 1, now 2'
    """
    said = [
        f"{key}: {then[key]}, now {value}"
        for key, value in declared_as(now).items()
        if value != then.get(key, value)
    ]
    return "; ".join(said) or "its table is declared otherwise"
