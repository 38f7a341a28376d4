"""Which of the hotfixes on an incident's menu would be on it now, given what is declared."""

from __future__ import annotations

from dataclasses import dataclass

from domain.errors import ConfigurationError
from domain.incident.state import Incident
from domain.recommender.hotfix import DeclaredHotfix
from domain.recommender.recommender import Recommender
from domain.resolution.declared import against_offering
from domain.resolution.menu import DO_NOTHING as NOTHING_DONE
from domain.values import Diagnosis, Option
from workers.declaration.hotfix_kinds import find

__all__ = ["NOTHING_DONE", "Offered", "offered_now"]


@dataclass(frozen=True)
class Offered:
    """The hotfixes, by their deployers' names for them; and remarks."""

    hotfixes: tuple[str, ...]
    notes: tuple[str, ...]


def offered_now(recommender: Recommender, incident: Incident, diagnosis: Diagnosis | None) -> Offered:
    """
    The menu's hotfixes that are still declared for the cause. Nothing is priced again: what a hotfix added
    since would be worth is not known; it is only said to fit.
    """
    kind = diagnosis.cause_kind if diagnosis else "unknown"
    kept: list[str] = []
    notes: list[str] = []
    menu = [option for option in incident.menu or () if option.hotfix != NOTHING_DONE]
    for option in menu:
        declared = _declared(recommender, option)
        if declared is None:
            notes.append(f"[hotfixes.{option.hotfix}] is not declared any more, or its kind cannot be had")
        elif kind not in declared.causes and not _rolls_back(declared):
            notes.append(f"[hotfixes.{declared.name}] is not for causes of kind {kind}")
        else:
            kept.append(option.hotfix)
            if changed := against_offering(option, recommender.hotfixes.values(), find):
                notes.append(changed)
    known = {option.hotfix for option in menu} | {one.hotfix for one in incident.left_out or ()}
    new = [one.name for one in recommender.hotfixes.values() if kind in one.causes and one.name not in known]
    notes += [f"[hotfixes.{name}] fits the cause, and is not priced here" for name in new]
    return Offered(tuple(dict.fromkeys(kept)), tuple(notes))


def _rolls_back(declared: DeclaredHotfix) -> bool:
    """Whether it may be on a menu because of when something began, whatever the cause."""
    way = find(declared.kind).way_of(declared)
    return way is not None and way.undoes is not None


def _declared(recommender: Recommender, option: Option) -> DeclaredHotfix | None:
    """The hotfix that a deployer knows by the option's name."""
    for hotfix in recommender.hotfixes.values():
        try:
            kind = find(hotfix.kind)
            if kind.called(hotfix, kind.read(hotfix)) == option.hotfix:
                return hotfix
        except ConfigurationError:
            continue
    return None
