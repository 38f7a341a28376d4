"""Reads what was replaced before something went wrong: a delivery of the items, a version of a model."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import ibis
import pandas as pd

from domain.diagnosis.replay import Floats
from domain.errors import ConfigurationError
from domain.resolution.circumstances import Circumstances, Replaced, Serves
from domain.resolution.stage import Stage
from workers.declaration.hotfix_kinds import find
from workers.models.logged import Log, kept_model
from workers.respond.diagnose.deliveries import around_fault
from workers.respond.diagnose.reading import BACK, Reader
from workers.sources.engines.source import TIME, Source, open_source

HOUR = timedelta(hours=1)
LEAST_SHARE = 0.05
"""A version has taken over once it scored this share of the rows since it came."""


def with_replaced(reader: Reader, around: Circumstances) -> Circumstances:
    """Add what was replaced around the onset, as far as it can be read."""
    recommender, replaced = reader.recommender, dict[Serves, Replaced]()
    taken = reader.attempt(
        "The deliveries",
        lambda: around_fault(recommender, reader.finding, around.diagnosis, reader.at),
    )
    if taken is not None:
        now, was = taken.delivered_at.isoformat(), taken.previous_at.isoformat()
        replaced["deliveries"] = Replaced(at=taken.delivered_at, now=now, was=was)
    log = reader.log()
    if log is not None and around.finding.kind != "predicted" and _rolls_models_back(reader):
        model = reader.attempt(
            "The model's versions", lambda: replaced_model(reader, log, around.onset, around.onset_by)
        )
        if model is not None:
            replaced["model"] = model
    return replace(around, previous=taken.before if taken else None, replaced=replaced)


def with_former_scores(reader: Reader, around: Circumstances) -> Circumstances:
    """Add the previous version's scores, if its file is kept and there is traffic to score."""
    log, stage, model = reader.log(), around.stage, around.replaced.get("model")
    if log is None or stage is None or model is None:
        return around
    scores = reader.attempt(f"The model {model.was}", lambda: former_scores(log, stage, model.was))
    return replace(around, former_scores=scores)


def _rolls_models_back(reader: Reader) -> bool:
    for hotfix in reader.recommender.hotfixes.values():
        try:
            way = find(hotfix.kind).way_of(hotfix)
        except ConfigurationError:
            continue  # of a kind that is not installed, which the menu reports
        if way is not None and way.undoes == "model":
            return True
    return False


def replaced_model(reader: Reader, log: Log, since: datetime, until: datetime) -> Replaced | None:
    """
    The last version that took over no later than `until`, and the one that scored most in the hour before it;
    if none did, the first that took over later.

    Args:
        since: the onset; reading begins twelve hours before it, or three of the windows within which it is
            known.

    Returns:
        None if no version is logged, or one scored all the time.
    """
    if log.columns.version is None:
        return None
    with open_source(reader.recommender, log.table) as source:
        source.require(log.columns.version)
        rows = source.between(since - max(2 * BACK, 3 * (until - since)), reader.end)
        rows = rows.select(at=rows[TIME], version=rows[log.columns.version].cast("string")).drop_null()
        begun = source.fetch(rows.group_by("version").aggregate(first=rows["at"].min()).order_by("first"))
        found: Replaced | None = None
        for version, first in list(begun.itertuples(index=False))[1:]:
            at = pd.Timestamp(first).floor("us").to_pydatetime()
            if found is not None and at > until:
                break
            found = _taken_over(source, rows, str(version), at) or found
    return found


def _taken_over(source: Source, rows: Any, version: str, at: datetime) -> Replaced | None:
    """What `version` took over from at that time; None if it has too few rows since to have taken over."""
    moment = ibis.literal(at)
    counted = source.fetch(
        rows.group_by("version").aggregate(
            before=(rows["at"] < moment).sum(),
            lately=((rows["at"] < moment) & (rows["at"] >= ibis.literal(at - HOUR))).sum(),
            since=(rows["at"] >= moment).sum(),
        )
    ).set_index("version")
    since = counted["since"].astype(float)
    if since.get(version, 0.0) < LEAST_SHARE * since.sum():
        return None
    former = counted["lately"] if counted["lately"].any() else counted["before"]
    return Replaced(at=at, now=version, was=str(former.idxmax()))


def former_scores(log: Log, stage: Stage, version: str) -> Floats | None:
    """
    (rows of the stage,) as `version` would have scored them; None if its file is not kept, or its scores have
    another unit than the serving model's.

    Raises:
        SourceError: its file cannot be loaded, or took too long.
    """
    model = kept_model(log.declared, version)
    if model is None:
        return None
    with model:
        if model.kind != stage.traffic.model.kind:
            return None
        return replace(stage.traffic, model=model).scores(stage.faulty_rows)
