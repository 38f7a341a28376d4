"""Faults on the way from the application to the tables."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pyarrow as pa

from ..members import DEVICES, REGIONS
from .fault import Acts, Drawn, Fault, Strike, World, inside, moved, slice_of, taken

LOST_SLICE = {"device": "tv", "region": "british_isles"}
LOST_SHARE = 0.55
REGION_NAMES = tuple(region.name for region in REGIONS)


def _lost(world: World) -> Drawn:
    where = {
        "device": world.one_of(DEVICES[:2], LOST_SLICE["device"]),
        "region": world.one_of(REGION_NAMES[:4], LOST_SLICE["region"]),
    }
    share = round(world.between(0.5, 0.9, LOST_SHARE), 2)

    def strike(rng: np.random.Generator, rows: pa.Table) -> pa.Table:
        return taken(rows, ~(inside(rows, where) & (rng.random(rows.num_rows) < share)))

    acts = Acts(rows={"plays": strike})
    return Drawn(acts, f"{share:.0%} of the rows", ("plays",), (slice_of(**where),))


def _early(world: World) -> Drawn:
    hours = world.one_of((1, 2), 1)

    def strike(_rng: np.random.Generator, rows: pa.Table) -> pa.Table:
        return moved(rows, "played_at", np.ones(rows.num_rows, dtype=bool), -timedelta(hours=hours))

    return Drawn(Acts(rows={"plays": strike}), f"{hours} h early", ("plays", "played_at"))


def _doubled(world: World) -> Drawn:
    where = {"region": world.one_of(REGION_NAMES)}

    def strike(_rng: np.random.Generator, rows: pa.Table) -> pa.Table:
        return pa.concat_tables([rows, taken(rows, inside(rows, where))])

    return Drawn(Acts(rows={"plays": strike}), "each row twice", ("plays",), (slice_of(**where),))


def _late(world: World) -> Drawn:
    minutes = round(world.between(15, 45, 30))
    acts = Acts(late={"plays": timedelta(minutes=minutes)})
    return Drawn(acts, f"{minutes} min late", ("plays",))


def _truncated(world: World) -> Drawn:
    share = round(world.between(0.3, 0.7, 0.5), 2)

    def strike(_rng: np.random.Generator, rows: pa.Table) -> pa.Table:
        return rows.slice(0, int(rows.num_rows * share))

    return Drawn(Acts(rows={"plays": strike}), f"the first {share:.0%} of each batch", ("plays",))


def _clock(world: World) -> Drawn:
    where = {"region": world.one_of(REGION_NAMES[:5])}
    hours = world.one_of((-1, -2, -5))

    def strike(column: str) -> Strike:
        return lambda _rng, rows: moved(rows, column, inside(rows, where), timedelta(hours=hours))

    tables = {"impressions": "shown_at", "plays": "played_at", "plays_standby": "played_at"}
    acts = Acts(rows={table: strike(column) for table, column in tables.items()})
    objects = ("impressions", "plays", "shown_at", "played_at")
    return Drawn(acts, f"{hours} h", objects, (slice_of(**where),))


FAULTS = (
    Fault(
        "upstream",
        "the feed of plays loses a good half of its rows from televisions in british_isles",
        "feed",
        "feed",
        _lost,
    ),
    Fault("plays_early", "plays are written an hour or two early", "feed", "time_shift", _early),
    Fault("plays_doubled", "plays of one region are written twice", "feed", "duplicate", _doubled),
    Fault("feed_late", "plays arrive many minutes late", "feed", "feed", _late),
    Fault("feed_truncated", "of each batch of plays only the head arrives", "feed", "feed", _truncated),
    Fault(
        "region_clock",
        "one region's times are written in another time zone",
        "feed",
        "time_shift",
        _clock,
    ),
)
