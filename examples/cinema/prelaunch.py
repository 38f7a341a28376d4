"""Films before their launch: would they be shown if they were launched now?"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from .catalogue import UPCOMING_DAYS, Catalogue, microseconds
from .members import Audience
from .rails import Adjustments, Rails, chance_if_launched
from .ranking import Ranker
from .rows import MOMENT
from .tables import write

SAMPLED_REQUESTS = 4_000  # with fewer, chance moves a share by as much as films differ
DAY = timedelta(days=1)
FIRST_DAY_SPREAD = (
    0.10  # how far a first day before the history deviates from what its rails make of it, log scale
)

Outcomes = dict[str, int]


@dataclass(frozen=True)
class Stage:
    """The current state of the service, as a dry run needs it."""

    audience: Audience
    catalogue: Catalogue
    ranker: Ranker
    rails: Rails
    adjust: Adjustments


def snapshot(rng: np.random.Generator, stage: Stage, at: datetime) -> pa.Table:
    """The `prelaunch` rows of the films that launch within 28 days of `at`."""
    films = stage.catalogue.upcoming(at)
    chances = _chances(stage, films, at)
    return _rows(rng, stage, at, films, chances, {})


def backfill_snapshots(
    rng: np.random.Generator, stage: Stage, days: list[datetime], outcomes: Outcomes
) -> pa.Table:
    """A snapshot for each of `days`, with what is known now about the first days that followed."""
    reached = np.unique(np.concatenate([stage.catalogue.upcoming(day) for day in days]))
    chances = _chances(stage, reached, days[-1] + timedelta(days=UPCOMING_DAYS))
    parts = []
    for day in days:
        films = stage.catalogue.upcoming(day)
        parts.append(_rows(rng, stage, day, films, chances[:, np.searchsorted(reached, films)], outcomes))
    return pa.concat_tables(parts)


def imagine_first_days(
    rng: np.random.Generator, stage: Stage, before: datetime, requests_a_day: float
) -> Outcomes:
    """
    First-day impressions of films launched in the 90 days before the history.

    They are what the films' rails would show.
    """
    start = microseconds(before - timedelta(days=120))
    launches = stage.catalogue.launches
    films = np.flatnonzero((launches > start) & (launches <= microseconds(before))).astype(np.int32)
    chances = _chances(stage, films, before - timedelta(days=120))
    share = stage.audience.rail_shares @ chances
    count = rng.poisson(requests_a_day * share * np.exp(FIRST_DAY_SPREAD * rng.standard_normal(len(films))))
    return dict(zip(stage.catalogue.ids[films], (int(number) for number in count), strict=True))


def count_first_days(
    tables: Path, catalogue: Catalogue, start: datetime, end: datetime, known: Collection[str] = ()
) -> Outcomes:
    """First-day impressions, from the log, of films (not `known`) whose first day lies in [start, end)."""
    launches = catalogue.launches
    films = np.flatnonzero((launches >= microseconds(start)) & (launches <= microseconds(end - DAY)))
    films = np.array([film for film in films if catalogue.ids[film] not in known], dtype=np.int64)
    if not len(films):
        return {}
    wanted = pa.table(
        {
            "item_id": pa.array(catalogue.ids[films], pa.string()),
            "launch_at": pa.array(launches[films], MOMENT),
        }
    )
    with duckdb.connect() as engine:
        engine.execute("SET threads = 2")
        engine.register("wanted", wanted)
        found = engine.execute(
            "SELECT item_id, count(*) FROM read_parquet(?) JOIN wanted USING (item_id) WHERE shown_at >= ? "
            "AND shown_at >= launch_at AND shown_at < launch_at + INTERVAL 24 HOUR GROUP BY item_id",
            [str(tables / "impressions" / "*.parquet"), start],
        ).fetchall()
    return {str(film): 0 for film in catalogue.ids[films]} | {film: int(count) for film, count in found}


def fill_outcomes(tables: Path, outcomes: Outcomes) -> None:
    """Write newly known first days into all snapshots of their films."""
    for path in sorted((tables / "prelaunch").glob("*.parquet")):
        rows = pq.ParquetFile(path).read()
        ids, had = rows["item_id"].to_pylist(), rows["first_day_impressions"].to_pylist()
        filled = [outcomes.get(film) if old is None else old for film, old in zip(ids, had, strict=True)]
        if filled != had:
            place = rows.schema.get_field_index("first_day_impressions")
            write(path, rows.set_column(place, "first_day_impressions", pa.array(filled, pa.int64())))


def _chances(stage: Stage, films: npt.NDArray[np.int32], at: datetime) -> npt.NDArray[np.float32]:
    return chance_if_launched(
        stage.rails, stage.audience, stage.catalogue, stage.ranker, films, at, stage.adjust
    )


def _rows(
    rng: np.random.Generator,
    stage: Stage,
    at: datetime,
    films: npt.NDArray[np.int32],
    chances: npt.NDArray[np.float32],
    outcomes: Outcomes,
) -> pa.Table:
    audience, catalogue = stage.audience, stage.catalogue
    rails = rng.choice(audience.rails, SAMPLED_REQUESTS, p=audience.rail_shares)
    share = (rng.random((SAMPLED_REQUESTS, len(films))) < chances[rails]).mean(axis=0)
    frame = catalogue.frame.iloc[films]
    launches, ids = catalogue.launches[films], catalogue.ids[films]
    return pa.table(
        {
            "snapshot_at": pa.array([microseconds(at)] * len(films), MOMENT),
            "item_id": pa.array(ids, pa.string()),
            "title": pa.array(frame["title"], pa.string(), from_pandas=True),
            "launch_at": pa.array(launches, MOMENT),
            "days_to_launch": pa.array((launches - microseconds(at)) / 86_400e6, pa.float64()),
            "genre": pa.array(frame["genre"], pa.string(), from_pandas=True),
            "country": pa.array(frame["country"], pa.string(), from_pandas=True),
            "language": pa.array(frame["language"], pa.string(), from_pandas=True),
            "decade": pa.array(frame["decade"], pa.string(), from_pandas=True),
            "popularity_prior": pa.array(frame["popularity"].to_numpy(), pa.float64()),
            "rating_prior": pa.array(frame["rating"].to_numpy(), pa.float64()),
            "dry_run_share": pa.array(share, pa.float64()),
            "first_day_impressions": pa.array([outcomes.get(film) for film in ids], pa.int64()),
        }
    )
