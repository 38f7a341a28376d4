"""The data that a fault is planted in: logged requests, kept deliveries and versions, read as for a menu."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

import ibis
import numpy as np
import pandas as pd

from domain.diagnosis.replay import Floats, Traffic, load_traffic
from domain.errors import CannotRehearse, SourceError
from domain.recommender.recommender import Recommender
from domain.resolution.circumstances import Replaced, Serves
from domain.resolution.rehearsal.planted import Healthy, Versions
from domain.resolution.stage import ENOUGH_REQUESTS
from domain.values import Finding, Severity
from workers.models.logged import Log, LoggedModel, kept_model, load_logged, log_in
from workers.respond.diagnose.deliveries import delivery_table
from workers.respond.diagnose.diagnose import SEED
from workers.respond.diagnose.reading import Reader, before_onset
from workers.respond.diagnose.replaced import replaced_model
from workers.sources.engines.source import TIME, known_moment, open_source
from workers.sources.launches import noun_of

SINCE = timedelta(hours=1)  # how long a planted fault has lasted, at least
LONGEST = timedelta(hours=24)
WINDOWS = 2  # of the log's table, at least
VERSIONS_BACK = timedelta(days=7)  # the log says for four times as long which version ranked
DELIVERIES = 10  # number of newest deliveries that are read
SAME = 1e-6  # how far apart showing probabilities may be for two versions to rank alike
NOTHING_YET = Severity.SEV3


@dataclass(frozen=True)
class Read:
    """
    What was read at `at`.

    Args:
        before: candidates from before `since`, where a fault gets planted.
        stale: why a rollback would change nothing, by what it goes back to; empty if it changes something.
        alike: says that the kept deliveries are all alike; empty if they are not.
    """

    reader: Reader
    log: Log
    healthy: Healthy
    before: pd.DataFrame
    since: datetime
    stale: Mapping[str, str]
    alike: str = ""


class Reading:
    """Reads what is logged now; its models are closed at the end of the block."""

    def __init__(self, recommender: Recommender, at: datetime) -> None:
        self.recommender, self.at = recommender, at
        self._models = ExitStack()

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, *_raised: object) -> None:
        """End the processes of the models that were opened."""
        self._models.close()

    def read(self, undoes: Serves | None) -> Read:
        """
        Read everything that a fault may be planted in; model versions only if a rollback `undoes` one.

        Raises:
            CannotRehearse: no candidates are logged, or too few recently; or, for a rollback of the model,
                nobody says where former versions are, or there is none.
            SourceError: the log or the model cannot be read.
        """
        reader = Reader(self.recommender, nothing_found(self.recommender, self.at), self.at)
        log = reader.log()
        if log is None:
            raise CannotRehearse("no model's candidates are logged, so there are no requests to rank again")
        loaded = load_logged(log)
        self._models.enter_context(loaded.model)
        since, rows = _lately(reader, log)
        before = reader.candidates(log.table, log.columns, before_onset(reader.finding, since), since, SEED)
        traffic = load_traffic(rows, log.columns, loaded.model)
        deliveries, lacking = _deliveries(self.recommender)
        versions, why = self._versions(reader, log, loaded, traffic) if undoes == "model" else (None, "")
        items = reader.items()
        healthy = Healthy(
            traffic=traffic,
            pool=pd.concat([rows, before], ignore_index=True),
            items=items,
            key=self.recommender.item_key,
            noun=noun_of(self.recommender),
            deliveries=deliveries,
            versions=versions,
        )
        stale, alike = {"deliveries": lacking, "model": why}, _alike(self.recommender, deliveries)
        return Read(reader, log, healthy, before, since, stale, alike)

    def _versions(
        self, reader: Reader, log: Log, loaded: LoggedModel, traffic: Traffic
    ) -> tuple[Versions | None, str]:
        """The previous version with its scores; and why going back to it would change nothing."""
        taken = replaced_model(reader, log, reader.end - VERSIONS_BACK, reader.end)
        if taken is None:
            raise CannotRehearse("no version of the model is logged that took over from another")
        if log.declared.kept is None:
            raise CannotRehearse(
                f"`kept` of [models.{log.declared.name}] does not say where former versions are"
            )
        try:
            scores = self._scored(log, loaded, traffic, taken)
        except SourceError as error:
            return None, f"version {taken.was}, which served before {taken.now}, does not work: {error}"
        if scores is None:
            return None, f"the file of version {taken.was}, which served before {taken.now}, is not at hand"
        if unknown := int((~np.isfinite(scores)).sum()):
            return None, f"version {taken.was} gives no number for {unknown:,} candidates"
        versions = Versions(now=taken.now, was=taken.was, former=scores)
        now = traffic.exposure(traffic.scores(traffic.rows))
        same = np.allclose(traffic.exposure(scores), now, atol=SAME)
        return versions, f"version {taken.was} ranks as {taken.now} does" if same else ""

    def _scored(self, log: Log, loaded: LoggedModel, traffic: Traffic, taken: Replaced) -> Floats | None:
        """(rows,) scores as the previous version would have given them; None if its file is not kept."""
        former = kept_model(log.declared, taken.was)
        if former is None:
            return None
        self._models.enter_context(former)
        if former.kind != loaded.model.kind:
            raise CannotRehearse(f"version {taken.was} gives another kind of number than {taken.now}")
        return np.asarray(former.score(traffic.rows[list(log.columns.features)]) + traffic.adjustment)


def nothing_found(recommender: Recommender, at: datetime) -> Finding:
    """A finding about nothing, as there is no incident: it names the log, and a window that ends now."""
    logged = [model.candidates for model in recommender.models.values() if model.candidates]
    logs = (name for name in logged if log_in(recommender, name) is not None)
    table = next(logs, next(iter(recommender.tables)))
    width = recommender.tables[table].window
    return Finding(
        check="rehearsal",
        table=table,
        window_start=at - width,
        window_end=at,
        observed=0.0,
        expected=0.0,
        p_value=1.0,
        severity=NOTHING_YET,
        title="a rehearsal",
    )


def _lately(reader: Reader, log: Log) -> tuple[datetime, pd.DataFrame]:
    """A start time, and the candidates since then: an hour's, or longer if that holds too few requests."""
    window = reader.recommender.tables[log.table].window
    span, longest = max(SINCE, WINDOWS * window), max(LONGEST, 4 * WINDOWS * window)
    while True:
        since = reader.end - span
        rows = reader.candidates(log.table, log.columns, since, reader.end, SEED)
        count = rows[log.columns.request].nunique() if len(rows) else 0
        if count >= ENOUGH_REQUESTS:
            return since, rows
        if span >= longest:
            raise CannotRehearse(
                f"{count:,} requests were logged in the last {span / SINCE:.0f} h; "
                f"{ENOUGH_REQUESTS} are needed"
            )
        span = min(2 * span, longest)


def _deliveries(recommender: Recommender) -> tuple[dict[str, pd.DataFrame], str]:
    """The newest kept deliveries by arrival time; and why there is none to go back to."""
    name, declared = delivery_table(recommender), recommender.items
    if name is None or declared is None:
        return {}, "no table keeps the deliveries of the items"
    with open_source(recommender, name) as source:
        source.require(declared.key)
        wanted = [one for one in (declared.key, *declared.features) if one in source.columns]
        rows = source.timed()
        times = source.fetch(rows.select(rows[TIME]).distinct().order_by(ibis.desc(TIME)).limit(DELIVERIES))
        found = {
            known_moment(at).isoformat(): source.fetch(
                rows.filter(rows[TIME] == ibis.literal(known_moment(at))).select(*wanted)
            )
            for at in reversed(times[TIME].dropna().tolist())
        }
    if len(found) < 2:
        kept = "one delivery" if found else "no delivery"
        return found, f"`{name}` keeps {kept}, so there is none to go back to"
    return found, ""


def _alike(recommender: Recommender, deliveries: Mapping[str, pd.DataFrame]) -> str:
    """
    Says that all kept deliveries hold the same. Unchanged items are delivered like this, too, so this is
    reported, but does not prove that no former state is kept.
    """
    declared = recommender.items
    if declared is None or len(deliveries) < 2:
        return ""
    *former, newest = (_as_held(frame, declared.key) for frame in deliveries.values())
    if not all(newest.equals(one) for one in former):
        return ""
    name = delivery_table(recommender)
    kept = f"the last {len(deliveries)} deliveries that `{name}` keeps hold the same"
    return f"{kept}, so that, rolled back now, it would change nothing"


def _as_held(frame: pd.DataFrame, key: str) -> pd.DataFrame:
    """A delivery in a fixed order and as text, so that two can be compared."""
    texts = frame.astype("string").drop_duplicates(key).set_index(key)
    return texts.sort_index()[sorted(texts.columns)]
