"""The menu: the declared hotfixes that fit the cause, each with its trade-off, and doing nothing."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any

from domain.recommender.hotfix import DeclaredHotfix
from domain.resolution.circumstances import Circumstances
from domain.resolution.kind import Find, Kind
from domain.values import Estimate, Finding, Option

DO_NOTHING = "do_nothing"
NO_DEPLOYER = "none"
KEY_LENGTH = 16
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Menu:
    """The options in the order in which they are offered; `note` says what was left out and why."""

    options: tuple[Option, ...]
    note: str = ""


def build_menu(hotfixes: Iterable[DeclaredHotfix], around: Circumstances, incident: str, find: Find) -> Menu:
    """
    The hotfixes whose declared causes hold the diagnosed one, best first: by what they repair less what they
    cost, those of which nothing is known after them, doing nothing last.

    Args:
        incident: its stream; option keys are made of it, so that a key never fits another incident.
        find: the kind of a hotfix, by its name.
    """
    options, left_out = [], []
    for hotfix in hotfixes:
        if around.diagnosis.cause_kind not in hotfix.causes:
            continue
        try:
            option = _option(hotfix, around, incident, find(hotfix.kind))
        except Exception as error:  # noqa: BLE001 (one hotfix must not take the others off the menu)
            left_out.append(f"{hotfix.label} could not be priced: {error}")
            continue
        if option is None:
            left_out.append(f"{hotfix.label}: the diagnosis names nothing that it could act on")
        else:
            options.append(option)
    if not options and not left_out:
        left_out.append(f"No declared hotfix fits a cause of kind “{around.diagnosis.cause_kind}”")
    options.sort(key=_rank)
    return Menu((*options, do_nothing(around, incident)), "; ".join(left_out))


def do_nothing(around: Circumstances, incident: str) -> Option:
    """Always there: it repairs nothing, and costs what is lost an hour."""
    finding = around.finding
    costs = _forecast_loss(finding) if finding.kind == "predicted" else _loss(finding)
    return Option(
        key=_key(incident, DO_NOTHING, {}),
        hotfix=DO_NOTHING,
        label="Do nothing",
        does="Leaves everything as it is",
        repairs=Estimate(value=0.0, low=0.0, high=0.0, unit="%", basis="nothing changes"),
        costs=costs,
        deploy_seconds=0.0,
        undo="nothing to undo",
        expires_after=None,
        blast_share=0.0,
        deployer=NO_DEPLOYER,
    )


def _loss(finding: Finding) -> Estimate:
    """What is lost an hour, as in the last window; its band is that of what history leads one to expect."""
    hours = max((finding.window_end - finding.window_start) / HOUR, 1e-6)
    return Estimate(
        value=(finding.observed - finding.expected) / hours,
        low=None if finding.high is None else (finding.observed - finding.high) / hours,
        high=None if finding.low is None else (finding.observed - finding.low) / hours,
        unit=f"{finding.unit} an hour",
        basis="as long as it goes on as in the last window",
    )


def _forecast_loss(finding: Finding) -> Estimate:
    """What the launch will lack of what comparable ones had; the band is the forecast's."""
    return Estimate(
        value=finding.observed - finding.expected,
        low=None if finding.low is None else finding.low - finding.expected,
        high=None if finding.high is None else finding.high - finding.expected,
        unit=finding.unit,
        basis="the forecast against comparable launches",
    )


def _option(hotfix: DeclaredHotfix, around: Circumstances, incident: str, kind: Kind[Any]) -> Option | None:
    parameters = kind.parameters(hotfix, around)
    if parameters is None:
        return None
    worth = kind.price(hotfix, parameters, around)
    return Option(
        key=_key(incident, hotfix.name, parameters),
        hotfix=kind.called(hotfix, kind.read(hotfix)),
        label=kind.label(hotfix.label, parameters),
        does=hotfix.does or hotfix.label,
        repairs=worth.repairs,
        costs=worth.costs,
        deploy_seconds=hotfix.deploy_seconds,
        undo=hotfix.undo,
        expires_after=kind.lasts(hotfix, around),
        watch=hotfix.watch,
        blast_share=worth.blast_share,
        needs_second_person=worth.blast_share > hotfix.second_person_above,
        deployer=hotfix.deployer,
        parameters=parameters,
        guards=hotfix.guards,
        stages=hotfix.stages,
        remind=hotfix.remind,
    )


def _rank(option: Option) -> tuple[bool, float, bool, float, str]:
    """The best worth first; of two within a percent, the one that one person deploys, and the quicker one."""
    known = option.repairs.value is not None
    worth = round((option.repairs.value or 0.0) + (option.costs.value or 0.0))
    return not known, -worth, option.needs_second_person, option.deploy_seconds, option.hotfix


def _key(incident: str, hotfix: str, parameters: dict[str, object]) -> str:
    text = json.dumps([incident, hotfix, parameters], sort_keys=True, default=str)
    return sha256(text.encode()).hexdigest()[:KEY_LENGTH]
