"""Each kind of hotfix: what goes to its deployer, and what replay makes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pandas as pd

from domain.diagnosis.material import Standby
from domain.diagnosis.replay import fill_rows
from domain.prediction.mended import Mended
from domain.recommender.hotfix import DeclaredHotfix
from domain.resolution.price import Price, amount_to_repair, price
from domain.resolution.stage import Stage
from domain.values import Diagnosis, Estimate, Finding

NOT_KNOWN = "not from the log"
ON_ITEMS = ("fill_feature", "boost_items")
"""Kinds of hotfix that change what is served of the items named, and nothing else."""


@dataclass(frozen=True)
class Circumstances:
    """
    What the menu is made from.

    Args:
        stage: replayable traffic, null where there is none; `no_stage` says why.
        previous: the items as the delivery before last had them, by `key`; `delivered_at` of the last one.
        standby: rows of the slice in the table and in its standby.
        mended: forecasts of a launch as it is and if `feature` had its value.
        at: when the menu is made.
    """

    finding: Finding
    diagnosis: Diagnosis
    stage: Stage | None = None
    no_stage: str = ""
    previous: pd.DataFrame | None = None
    key: str = "item_id"
    delivered_at: datetime | None = None
    former: Mapping[str, str] = field(default_factory=dict)
    standby: Standby | None = None
    mended: Mended | None = None
    at: datetime | None = None
    noun: str = "items"
    seed: int = 0


def parameters_of(hotfix: DeclaredHotfix, around: Circumstances) -> dict[str, object] | None:
    """
    What the deployer gets; null where the hotfix cannot act on this cause (no items, another feature).

    A fill with several values also has `values`: value → items; `value` is then the most usual one.
    """
    found = around.diagnosis
    given: dict[str, object]
    items = list(found.items) or ([around.finding.item] if around.finding.item else [])
    if hotfix.kind == "fill_feature":
        feature = hotfix.feature or found.feature
        if found.feature != feature or found.suggested_value is None or not items:
            return None
        given = {"kind": "fill_feature", "items": items, "feature": feature, "value": found.suggested_value}
        values = _by_value(items, found.suggested_value, around.former)
        return {**given, "values": values} if len(values) > 1 else given
    if hotfix.kind == "boost_items":
        if not items:
            return None
        return {"kind": "boost_items", "items": items, "amount": _amount(hotfix, around)}
    given = {"kind": "webhook", "hook": hotfix.hook or hotfix.name}
    given["slice"] = dict(found.slices[0] if found.slices else around.finding.slice)
    if hotfix.replay is not None and hotfix.replay.kind == "snapshot" and around.delivered_at is not None:
        given["before"] = around.delivered_at.isoformat()
    if found.since is not None:
        given["since"] = found.since.isoformat()
    return given


def price_of(hotfix: DeclaredHotfix, parameters: Mapping[str, object], around: Circumstances) -> Price:
    """Its trade-off by the replay declared for it, or by its own kind; unknown where neither works."""
    kind = hotfix.replay.kind if hotfix.replay is not None else hotfix.kind
    if kind == "standby":
        return _by_standby(around)
    if around.finding.kind == "predicted":
        return _by_forecast(kind, around)
    stage = around.stage
    if stage is None:
        return _unknown(around, around.no_stage or NOT_KNOWN)
    if kind == "fill_feature" and stage.derived and stage.feature is not None:
        usual = str(around.diagnosis.suggested_value)
        values = {item: around.former.get(item, usual) for item in around.diagnosis.items}
        rows = stage.traffic.rows.assign(**{name: stage.faulty_rows[name] for name in stage.derived})
        filled = fill_rows(rows, stage.pool, stage.traffic.columns, stage.feature, values, stage.derived)
        return price(stage, stage.traffic.scores(filled), seed=around.seed)
    if kind == "boost_items":
        amount = float(str(parameters.get("amount") or _amount(hotfix, around)))
        return price(stage, stage.now + amount * stage.concerned, seed=around.seed)
    if kind == "snapshot" and around.previous is not None:
        return _by_rollback(stage, around.previous, around)
    return _unknown(around, NOT_KNOWN)


def _by_value(items: Sequence[str], usual: str, former: Mapping[str, str]) -> dict[str, list[str]]:
    """Items by the value that each of them had; `usual` where that is not known."""
    groups: dict[str, list[str]] = {}
    for item in items:
        groups.setdefault(former.get(item, usual), []).append(item)
    return dict(sorted(groups.items(), key=lambda group: (-len(group[1]), group[0])))


def _by_rollback(stage: Stage, previous: pd.DataFrame, around: Circumstances) -> Price:
    """Items that the former snapshot has not are gone; the others have their former values."""
    there = set(previous[around.key].astype(str))
    gone = ~stage.traffic.rows[stage.traffic.columns.item].astype(str).isin(there).to_numpy()
    missing = stage.traffic.rows.loc[gone, stage.traffic.columns.item].nunique()
    note = f"; {missing:,} newer {around.noun} gone" if missing else ""
    return price(stage, stage.ideal, gone=gone if gone.any() else None, note=note, seed=around.seed)


def _by_standby(around: Circumstances) -> Price:
    spare = around.standby
    if spare is None or spare.rows_standby <= 0:
        return _unknown(around, "the standby holds no rows of this slice")
    lost = spare.rows_standby - spare.rows
    expected = spare.rows / max(1 + around.finding.change, 0.02)
    share = min(max(lost / max(expected - spare.rows, 1e-9), 0.0), 1.0)
    error = 1.645 * (spare.rows_standby**0.5) / max(expected - spare.rows, 1e-9)
    basis = f"the standby has {spare.rows_standby:,.0f} rows where the feed has {spare.rows:,.0f}"
    repairs = Estimate(
        value=100 * share,
        low=100 * max(share - error, 0.0),
        high=100 * min(share + error, 1.0),
        unit="%",
        basis=basis,
    )
    touched = around.finding.affected_share
    costs = Estimate(
        value=0.0, low=0.0, high=0.0, unit="% plays", basis="a feed changes nothing that is served"
    )
    return Price(repairs, costs, 1.0 if touched is None else touched)


def _by_forecast(kind: str, around: Circumstances) -> Price:
    """
    What a launch would gain, of what it is forecast to lose; the interval is the mended forecast's.

    What is not priced may touch all that is served, unless it acts on the item alone.
    """
    if kind != "fill_feature" or around.mended is None:
        return _unknown(around, NOT_KNOWN, blast=0.0 if kind in ON_ITEMS else 1.0)
    told = around.mended
    gap = told.comparable - told.now

    def share(count: float) -> float:
        return 100 * min(max((count - told.now) / gap, 0.0), 1.0) if gap > 0 else 0.0

    repairs = Estimate(
        value=share(told.value),
        low=share(told.low),
        high=share(told.high),
        unit="%",
        basis=f"forecast {told.basis}: {told.value:,.0f} [{told.low:,.0f}–{told.high:,.0f}] "
        f"{around.finding.unit} instead of {told.now:,.0f}",
    )
    none = Estimate(value=0.0, low=0.0, high=0.0, unit="% plays", basis="it is not served before its launch")
    return Price(repairs, none, 0.0)


def lasts(hotfix: DeclaredHotfix, around: Circumstances) -> timedelta | None:
    """
    How long it stays: as declared. What acts on a launch alone stays to the end of its first day at the
    least: it would be gone before the day that it is for.
    """
    launch = around.finding.kind == "predicted" and hotfix.kind in ON_ITEMS
    if hotfix.expires is None or around.at is None or not launch:
        return hotfix.expires
    return max(hotfix.expires, around.finding.window_end - around.at)


def _unknown(around: Circumstances, why: str, blast: float | None = None) -> Price:
    """Nothing is known: then everybody may be touched, and a second person decides."""
    touched = around.finding.affected_share if blast is None else blast
    unknown = Estimate(value=None, unit="%", basis=why)
    return Price(unknown, unknown.model_copy(update={"unit": "% plays"}), 1.0 if touched is None else touched)


def _amount(hotfix: DeclaredHotfix, around: Circumstances) -> float:
    declared = hotfix.amount if hotfix.amount is not None else hotfix.replay.amount if hotfix.replay else None
    if declared is not None:
        return declared
    return amount_to_repair(around.stage) if around.stage is not None else 1.0
