"""History as normal traffic would have made it, by the same code that serves the present."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa

from . import rows
from .catalogue import microseconds
from .deliveries import deliver
from .prelaunch import Stage, backfill_snapshots, count_first_days, imagine_first_days
from .ranking import Ranker, first_lesson, train
from .rollup import Rollup
from .serving import Serving
from .tables import append_file, hour_file, write
from .traffic import HOUR, arrivals, serve, visit
from .training import keep_plays, plays_before

Progress = Callable[[str, float], None]

PRELAUNCH_DAYS = 90
PRELAUNCH_HOUR = 7
THREADS = 2
NIGHT_ROWS = 40_000


@dataclass(frozen=True)
class Chunk:
    """Traffic between two times (microseconds since 1970) within one hour, and what is served then."""

    start: int
    end: int
    stage: Stage
    with_candidates: bool


def fill_traffic(serving: Serving, start: int, end: int, progress: Progress) -> None:
    """
    Write impressions, plays and candidates of [start, end).

    One file per hour, rewritten if it exists.
    """
    chunks = list(_chunks(serving, start, end))
    with ThreadPoolExecutor(THREADS) as pool:
        for done, _ in enumerate(pool.map(lambda chunk: _fill(serving, chunk), chunks), 1):
            progress("traffic", done / len(chunks))


def _chunks(serving: Serving, start: int, end: int) -> Iterator[Chunk]:
    """Hours, whole or in part. Films launch on the hour, so what is served does not change within one."""
    logged_from = end - int(serving.settings.candidate_hours * HOUR)
    served, stage = None, None
    while start < end:
        stop = min(end, start // HOUR * HOUR + HOUR)
        at = datetime.fromtimestamp(start / 1e6, UTC)
        now = (int(serving.truth.launched(at).sum()), int(serving.truth.new(at).sum()))
        if stage is None or now != served:
            served, stage = now, serving.healthy_stage(at)
        yield Chunk(start, stop, stage, stop > logged_from)
        start = stop


def _fill(serving: Serving, chunk: Chunk) -> None:
    settings, audience, catalogue = serving.settings, serving.audience, serving.truth
    rng = np.random.default_rng([settings.seed, chunk.start])
    times = arrivals(rng, chunk.start, chunk.end, serving.demand)
    shelves = serve(rng, chunk.stage.rails, catalogue, visit(rng, audience, times))
    played = rows.plays(shelves, audience, catalogue)
    made = {
        "impressions": rows.impressions(shelves, audience, catalogue),
        "plays": played,
        "plays_standby": played,
    }
    if chunk.with_candidates:
        made["candidates"] = rows.candidates(shelves, audience, catalogue, chunk.stage.ranker.version)
    for name, table in made.items():
        write(hour_file(settings.tables, name, chunk.start), table)


def fill_history(serving: Serving, start: datetime, end: datetime, progress: Progress) -> None:
    """Write everything that exists before the first start."""
    settings = serving.settings
    fill_traffic(serving, microseconds(start), microseconds(end), progress)
    progress("deliveries", 0.0)
    deliver(settings.tables, serving.truth, start)
    for day in _daily(start, end, settings.delivery_hour):
        deliver(settings.tables, serving.truth, day)
    write_members(serving, end)
    rollup = Rollup(settings.tables, microseconds(start))
    weeks_ago = end - timedelta(days=settings.rollup_days)
    rollup.imagine(serving.demand, serving.audience, weeks_ago, settings.seed)
    rollup.complete(microseconds(end))
    progress("trainings", 0.0)
    write_training(serving, serving.ranker)
    keep_plays(settings.tables, start, plays_before(settings.tables, start))
    for night in _daily(start, end, settings.training_hour):
        if night > serving.ranker.trained_at:
            seen, played = first_lesson(serving.audience, serving.truth, night, settings.seed + night.day)
            write_training(serving, train(seen[:NIGHT_ROWS], played[:NIGHT_ROWS], night))
        keep_plays(settings.tables, night, plays_before(settings.tables, night))
    progress("launches", 0.0)
    _fill_launches(serving, start, end)


def _fill_launches(serving: Serving, start: datetime, end: datetime) -> None:
    settings = serving.settings
    rng = np.random.default_rng([settings.seed, 1])
    stage = serving.healthy_stage(end)
    outcomes = imagine_first_days(rng, stage, start, settings.requests_per_second * 86_400)
    outcomes |= count_first_days(settings.tables, serving.truth, start, end)
    days = list(_daily(end - timedelta(days=PRELAUNCH_DAYS), end, PRELAUNCH_HOUR))
    write(settings.tables / "prelaunch" / "history.parquet", backfill_snapshots(rng, stage, days, outcomes))


def write_members(serving: Serving, at: datetime) -> None:
    """Write the members as of that day."""
    frame = serving.audience.frame(at)
    write(
        serving.settings.tables / "members" / "current.parquet",
        pa.Table.from_pandas(frame, preserve_index=False),
    )


def write_training(serving: Serving, ranker: Ranker) -> None:
    """Write a row of `training_runs`."""
    run = {
        "trained_at": pa.array([microseconds(ranker.trained_at)], rows.MOMENT),
        "rows": pa.array([ranker.rows], pa.int64()),
        "auc": [ranker.auc],
        "log_loss": [ranker.log_loss],
        "left_out": [ranker.left_out],
    }
    append_file(serving.settings.tables, "training_runs", ranker.trained_at, pa.table(run))


def _daily(start: datetime, end: datetime, hour: int) -> Iterator[datetime]:
    at = start.replace(hour=hour, minute=0, second=0, microsecond=0)
    while at < end:
        if at >= start:
            yield at
        at += timedelta(days=1)
