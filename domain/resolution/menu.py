"""The menu: the declared hotfixes that fit the cause, each with its trade-off, and doing nothing."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any

from domain.errors import sanitized
from domain.incident.comparison import adds_up, compared
from domain.incident.ranking import rank
from domain.recommender.hotfix import DeclaredHotfix
from domain.resolution.circumstances import Circumstances
from domain.resolution.kind import Find, Kind
from domain.resolution.price import Price
from domain.resolution.rollback import fits_unexplained, too_late, unpriced
from domain.resolution.track_record import TrackRecord
from domain.resolution.way import Unfit
from domain.values import CauseKind, Estimate, Finding, LeftOut, Option

DO_NOTHING = "do_nothing"
NO_DEPLOYER = "none"
KEY_LENGTH = 16
HOUR = timedelta(hours=1)
NO_PAST = TrackRecord()


@dataclass(frozen=True)
class Menu:
    """
    The options in the order in which they are offered; `left_out` are the declared hotfixes that are not
    offered, and `note` says why for those that would fit the cause.
    """

    options: tuple[Option, ...]
    note: str = ""
    left_out: tuple[LeftOut, ...] = ()


def build_menu(
    hotfixes: Iterable[DeclaredHotfix],
    around: Circumstances,
    incident: str,
    find: Find,
    record: TrackRecord = NO_PAST,
) -> Menu:
    """
    The hotfixes whose declared causes include the diagnosed one, best first: by what they repair less what
    they cost, then those with nothing known about them, doing nothing last. Where the cause is not
    established, or no hotfix fits it, also the rollbacks that fit the onset.

    Args:
        incident: its stream; option keys are derived from it, so that a key never fits another incident.
        find: gives the kind of a hotfix by name.
        record: how past promises turned out, by which those of the menu are widened.
    """
    declared, kind = tuple(hotfixes), around.diagnosis.cause_kind
    fitting = [hotfix for hotfix in declared if kind in hotfix.causes]
    tried = {hotfix.name: _tried(hotfix, around, incident, find) for hotfix in fitting}
    notes = _by_reason([one for one in tried.values() if isinstance(one, LeftOut)])
    explained = kind != "unknown" and any(isinstance(one, Option) for one in tried.values())
    for hotfix in declared:
        if hotfix.name not in tried:
            tried[hotfix.name] = _beside(hotfix, around, incident, find, explained)
    options = sorted((_by_record(one, record) for one in tried.values() if isinstance(one, Option)), key=rank)
    if not fitting:
        notes.append(_none_fits(kind, offered=bool(options)))
    left_out = tuple(one for one in tried.values() if isinstance(one, LeftOut))
    return Menu((*options, do_nothing(around, incident)), "; ".join(notes), left_out)


def _by_reason(left_out: Sequence[LeftOut]) -> list[str]:
    """Each reason once, preceded by all the hotfixes that it keeps off the menu."""
    whys = dict.fromkeys(one.why for one in left_out)
    return [f"{', '.join(one.label for one in left_out if one.why == why)}: {why}" for why in whys]


def _none_fits(kind: CauseKind, *, offered: bool) -> str:
    none = f"No declared hotfix fits a cause of kind “{kind}”"
    return f"{none}; what could be rolled back to before it began is offered, not priced" if offered else none


def _tried(hotfix: DeclaredHotfix, around: Circumstances, incident: str, find: Find) -> Option | LeftOut:
    """A hotfix that fits the cause, priced; or why it is not offered."""
    try:
        kind = find(hotfix.kind)
        way = kind.way_of(hotfix)
        late = too_late(way.undoes, around) if way is not None and way.undoes is not None else None
        parameters = late or kind.parameters(hotfix, around)
        if isinstance(parameters, Unfit):
            return _left_out(hotfix, parameters.why)
        worth = _worth(hotfix, kind, parameters, around)
        return _option(hotfix, kind, parameters, worth, around, incident)
    except Exception as error:  # noqa: BLE001 (one hotfix must not take the others off the menu)
        return _left_out(hotfix, f"could not be priced: {sanitized(error)}")


def _worth(
    hotfix: DeclaredHotfix, kind: Kind[Any], parameters: dict[str, object], around: Circumstances
) -> Price:
    """Its trade-off; a rollback is offered even if it cannot be replayed, others are not."""
    try:
        return kind.price(hotfix, parameters, around)
    except Exception as error:
        way = kind.way_of(hotfix)
        if way is None or way.undoes is None:
            raise
        return unpriced(f"computing it failed ({sanitized(error)})", around)


def _beside(
    hotfix: DeclaredHotfix, around: Circumstances, incident: str, find: Find, explained: bool
) -> Option | LeftOut:
    """A hotfix not for this kind of cause: a rollback that fits the onset, where nothing else is known."""
    kind, other = around.diagnosis.cause_kind, f"it is for causes of kind {', '.join(hotfix.causes)}; "
    if kind == "world":
        return _left_out(hotfix, f"{other}nothing is wrong that a hotfix could repair")
    if explained:
        return _left_out(hotfix, f"{other}this one is of kind {kind}")
    try:
        return _rolled_back(hotfix, around, incident, find(hotfix.kind), other)
    except Exception as error:  # noqa: BLE001 (as above)
        return _left_out(hotfix, f"could not be offered: {sanitized(error)}")


def _rolled_back(
    hotfix: DeclaredHotfix, around: Circumstances, incident: str, kind: Kind[Any], other: str
) -> Option | LeftOut:
    found, way = around.diagnosis.cause_kind, kind.way_of(hotfix)
    known = "the cause is not established" if found == "unknown" else f"this one is of kind {found}"
    if way is None or way.undoes is None:
        return _left_out(hotfix, f"{other}{known}")
    fits = fits_unexplained(way.undoes, around)
    if isinstance(fits, Unfit):
        return _left_out(hotfix, f"{other}{known}, and {fits.why}")
    parameters = kind.parameters(hotfix, around)
    if isinstance(parameters, Unfit):
        return _left_out(hotfix, parameters.why)
    return _option(hotfix, kind, parameters, unpriced(f"{known}; {fits}", around), around, incident)


def _by_record(option: Option, record: TrackRecord) -> Option:
    """The option with promises as wide as past ones of its kind require, or the log's own if wider."""
    repairs = record.corrected(option.kind, option.repairs)
    whole = record.corrected_whole(option.kind, option.whole) if option.whole else None
    wider = _wider(repairs, option.repairs)
    if why := record.useless.get(option.hotfix):
        basis = f"{repairs.basis}; it repaired nothing when it was last rehearsed: {why}"
        repairs = repairs.model_copy(update={"basis": basis})
    return option.model_copy(
        update={
            "repairs": repairs,
            "from_log": option.repairs if wider else None,
            "whole": whole,
            "whole_from_log": option.whole if whole and _wider(whole, option.whole) else None,
        }
    )


def _wider(promise: Estimate, own: Estimate | None) -> bool:
    return own is not None and (promise.low, promise.high) != (own.low, own.high)


def _left_out(hotfix: DeclaredHotfix, why: str) -> LeftOut:
    return LeftOut(hotfix=hotfix.name, label=hotfix.label, why=why)


def do_nothing(around: Circumstances, incident: str) -> Option:
    """The option that is always there: it repairs nothing, and costs what is lost per hour, where known."""
    finding = around.finding
    costs = _forecast_loss(finding) if finding.kind == "predicted" else _loss(finding)
    as_it_is = f": {compared(finding)}" if costs.value is None else ""
    return Option(
        key=_key(incident, DO_NOTHING, {}),
        hotfix=DO_NOTHING,
        label="Do nothing",
        does=f"Leaves everything as it is{as_it_is}",
        repairs=Estimate(value=0.0, unit="%", basis="nothing changes"),
        costs=costs,
        deploy_seconds=0.0,
        undo="nothing to undo",
        expires_after=None,
        blast_share=0.0,
        deployer=NO_DEPLOYER,
    )


def _loss(finding: Finding) -> Estimate:
    """
    What is lost per hour, as in the last window; its band is that of what history leads one to expect. Not
    known where no number of rows is lost: a mean is lower, an age is higher, rows come twice.
    """
    if not adds_up(finding) or finding.observed >= finding.expected:
        return Estimate(
            value=None, unit=finding.counted_in, basis="what it costs is not in what was measured"
        )
    hours = max((finding.window_end - finding.window_start) / HOUR, 1e-6)
    return Estimate(
        value=(finding.observed - finding.expected) / hours,
        low=None if finding.high is None else (finding.observed - finding.high) / hours,
        high=None if finding.low is None else (finding.observed - finding.low) / hours,
        unit=f"{finding.counted_in} an hour",
        basis="as long as it goes on as in the last window",
    )


def _forecast_loss(finding: Finding) -> Estimate:
    """How far the launch will fall short of comparable ones; the band is the forecast's."""
    return Estimate(
        value=finding.observed - finding.expected,
        low=None if finding.low is None else finding.low - finding.expected,
        high=None if finding.high is None else finding.high - finding.expected,
        unit=finding.counted_in,
        basis="the forecast against comparable launches",
    )


def _option(
    hotfix: DeclaredHotfix,
    kind: Kind[Any],
    parameters: dict[str, object],
    worth: Price,
    around: Circumstances,
    incident: str,
) -> Option:
    return Option(
        key=_key(incident, hotfix.name, parameters),
        hotfix=kind.called(hotfix, kind.read(hotfix)),
        kind=kind.name,
        label=kind.label(hotfix.label, parameters),
        does=hotfix.does or hotfix.label,
        repairs=worth.repairs,
        costs=worth.costs,
        deploy_seconds=hotfix.deploy_seconds,
        undo=hotfix.undo,
        expires_after=kind.lasts(hotfix, around),
        watch=hotfix.watch,
        blast_share=worth.blast_share,
        blast_members=worth.members(around.visits),
        whole=worth.a_day(around.rewards_a_day),
        worst=worth.worst,
        variety=worth.diversity,
        others=worth.others,
        needs_second_person=worth.blast_share > hotfix.second_person_above,
        deployer=hotfix.deployer,
        parameters=parameters,
        guards=hotfix.guards,
        stages=hotfix.stages,
        hold_out=hotfix.hold_out,
        remind=hotfix.remind,
        by_slice=kind.by_slice,
        own=kind.is_own(hotfix),
        break_glass=around.break_glass,
        alone=around.alone.hours(hotfix.kind, str(around.zone)) if around.alone else None,
    )


def _key(incident: str, hotfix: str, parameters: dict[str, object]) -> str:
    text = json.dumps([incident, hotfix, parameters], sort_keys=True, default=str)
    return sha256(text.encode()).hexdigest()[:KEY_LENGTH]
