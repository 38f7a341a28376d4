"""
Tries declared hotfixes on a shadow of the log: what the menu promises for a planted fault, and what is true.

    log, deliveries, versions ─▶ fault planted by a seed ─▶ shadow ─▶ the menu, as of an incident ─▶ promise
                                        └─ what is shown once the hotfix is in force: the truth ─▶ verdict

Nothing is deployed: a deployer is only asked what the doctor asks it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

from domain.errors import CannotRehearse, ConfigurationError, RecsysopsError, sanitized
from domain.incident.events import HotfixRehearsed, Verdict
from domain.recommender.hotfix import DeclaredHotfix
from domain.recommender.keys.nearest import nearest
from domain.recommender.recommender import Recommender
from domain.resolution.rehearsal.planted import Planted, Rehearsal
from domain.resolution.rehearsal.verdict import verdict_of
from domain.resolution.way import Unfit
from domain.values import CauseKind, Estimate, Option
from workers.declaration.hotfix_kinds import find
from workers.deployers.kind import DEPLOYERS
from workers.environment.redaction import prose
from workers.rehearse.healthy import Read, Reading
from workers.rehearse.shadow import cast_shadow
from workers.respond.resolve.resolve import prepare_menu
from workers.sources.engines.files import kept_open

INCIDENT = "rehearsal"
"""Stands in for an incident's stream, which the keys of a menu's options are made from."""

Progress = Callable[[int, int], None]


def rehearse(
    recommender: Recommender,
    at: datetime,
    environment: Mapping[str, str],
    only: str | None = None,
    progress: Progress = lambda _done, _in_all: None,
) -> tuple[HotfixRehearsed, ...]:
    """
    What each declared hotfix, or `only` this one, does in a rehearsal at `at`.

    Raises:
        ConfigurationError: there is no such hotfix.
    """
    chosen = chosen_of(recommender, only)
    found = []
    progress(0, len(chosen))
    for done, hotfix in enumerate(chosen, start=1):
        found.append(rehearse_one(recommender, hotfix, at, environment))
        progress(done, len(chosen))
    return tuple(found)


def chosen_of(recommender: Recommender, only: str | None) -> Sequence[DeclaredHotfix]:
    """
    The hotfixes to rehearse.

    Raises:
        ConfigurationError: there is no such hotfix, or none at all.
    """
    declared = recommender.hotfixes
    if only is None and not declared:
        raise ConfigurationError("no hotfix is declared, so there is none to rehearse; add [hotfixes.NAME]")
    if only is not None and only not in declared:
        raise ConfigurationError(f'no hotfix is called "{only}"; {nearest(only, declared)}')
    return tuple(declared.values()) if only is None else (declared[only],)


def rehearse_one(
    recommender: Recommender, hotfix: DeclaredHotfix, at: datetime, environment: Mapping[str, str]
) -> HotfixRehearsed:
    """Rehearse one hotfix; whatever prevents it is reported, never raised."""
    day = at.astimezone(ZoneInfo(recommender.timezone)).date()
    event = HotfixRehearsed(hotfix=hotfix.name, kind=hotfix.kind, day=day, verdict="impossible", says="")
    try:
        way = find(hotfix.kind).way_of(hotfix)
        event = event.model_copy(update={"undoes": way.undoes if way is not None else None})
        errors, warnings = _asked(recommender, hotfix, environment)
        if errors:
            return event.model_copy(update={"verdict": "nothing", "says": "; ".join(errors)})
        with kept_open(), TemporaryDirectory(prefix="rehearsal-") as folder:
            found = _tried(recommender, hotfix, at, event, Path(folder))
        return found.model_copy(update={"says": "; ".join((found.says, *warnings))})
    except RecsysopsError as error:
        return event.model_copy(update={"says": prose(str(error))})
    except Exception as error:  # noqa: BLE001 - one hotfix must not keep the others from being rehearsed
        return event.model_copy(update={"says": prose(sanitized(error))})


def seed_of(day: date, hotfix: str) -> int:
    """The rehearsal's random seed: the same all day, different the next day and for each hotfix."""
    return int.from_bytes(sha256(f"{day.isoformat()}\n{hotfix}".encode()).digest()[:4], "big")


def _asked(
    recommender: Recommender, hotfix: DeclaredHotfix, environment: Mapping[str, str]
) -> tuple[list[str], list[str]]:
    """Why its deployer could not take it, and what else the doctor finds there; changes nothing there."""
    declared = recommender.deployers[hotfix.deployer]
    kind = DEPLOYERS.find(declared.kind)
    said: dict[str, list[str]] = {"error": [], "warning": []}
    if not kind.carries(hotfix.kind):
        said["error"].append(f"deployer {declared.name}, a {declared.kind}, does not carry a {hotfix.kind}")
    for advice in kind.examine(declared, environment):
        said.setdefault(advice.level, []).append(f"deployer {declared.name}: {prose(advice.says)}")
    return said["error"], said["warning"]


def _tried(
    recommender: Recommender, hotfix: DeclaredHotfix, at: datetime, event: HotfixRehearsed, folder: Path
) -> HotfixRehearsed:
    kind = find(hotfix.kind)
    rehearsal, way = kind.rehearsal(hotfix), kind.way_of(hotfix)
    if isinstance(rehearsal, Unfit):
        raise CannotRehearse(rehearsal.why)
    cause = _cause(hotfix, rehearsal)
    lone = recommender.model_copy(update={"hotfixes": {hotfix.name: hotfix}})
    seed = seed_of(event.day, hotfix.name)
    with Reading(lone, at) as reading:
        read = reading.read(way.undoes if way is not None else None)
        if way is not None and way.undoes is not None and (stale := read.stale[way.undoes]):
            return event.model_copy(update={"verdict": "nothing", "says": stale})
        planted = rehearsal.plant(read.healthy, seed)
        event = event.model_copy(update={"planted": planted.says})
        option = _offered(read, planted, cause, seed, folder)
        if isinstance(option, str):
            return event.model_copy(update={"says": f"it is not on the menu: {option}"})
        repaired = planted.repaired(rehearsal.serve(option.parameters, planted))
    alike = read.alike if event.undoes == "deliveries" else ""
    return _judged(event, option.repairs, repaired, alike)


def _judged(event: HotfixRehearsed, promise: Estimate, repaired: float, but: str) -> HotfixRehearsed:
    verdict, says = verdict_of(promise, repaired)
    says = f"{says}; but {but}" if but else says
    found: dict[str, Verdict | str | Estimate | float] = {"verdict": verdict, "says": says}
    return event.model_copy(update={**found, "promised": promise, "repaired": round(repaired, 4)})


def _cause(hotfix: DeclaredHotfix, rehearsal: Rehearsal) -> CauseKind:
    """The planted fault's kind of cause; the hotfix has to be declared for it to appear on a menu."""
    if rehearsal.cause is not None:
        if rehearsal.cause in hotfix.causes:
            return rehearsal.cause
        declared = ", ".join(hotfix.causes)
        raise CannotRehearse(
            f"it is declared for causes of kind {declared}, and what can be planted for it is one of kind "
            f"{rehearsal.cause}"
        )
    of_requests = [one for one in hotfix.causes if one not in NOT_RANKED]
    if not of_requests:
        raise CannotRehearse("it is declared for causes in which no logged request is ranked again")
    return of_requests[0]


NOT_RANKED = ("feed", "world", "unknown", "launch")
"""Kinds of cause for which a menu does not re-rank logged requests, or offers nothing."""


def _offered(read: Read, planted: Planted, cause: CauseKind, seed: int, folder: Path) -> Option | str:
    """The hotfix as a menu offers it on the shadow; otherwise why it does not, in words."""
    shadow = cast_shadow(read, planted, cause, seed, folder)
    menu = prepare_menu(shadow.recommender, shadow.finding, shadow.diagnosis, INCIDENT, read.reader.at)
    (name,) = shadow.recommender.hotfixes
    if menu.left_out:
        return next(one.why for one in menu.left_out if one.hotfix == name)
    option = next(one for one in menu.options if one.deployer == shadow.recommender.hotfixes[name].deployer)
    if option.repairs.value is None and menu.note:
        basis = f"{option.repairs.basis} ({menu.note})"
        return option.model_copy(update={"repairs": option.repairs.model_copy(update={"basis": basis})})
    return option
