"""Faults in the application's own logging: what happened is not written, or written wrongly."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from ..members import DEVICES, REGIONS
from .fault import Acts, Drawn, Fault, World, inside, renamed, slice_of, taken

NAMES = {"tv": "smart_tv", "mobile": "phone", "web": "browser"}


def _unlogged(world: World) -> Drawn:
    where = {
        "device": world.one_of(DEVICES),
        "region": world.one_of(tuple(region.name for region in REGIONS[:4])),
    }

    def strike(_rng: np.random.Generator, rows: pa.Table) -> pa.Table:
        return taken(rows, ~inside(rows, where))

    tables = ("impressions", "plays", "plays_standby")
    acts = Acts(rows=dict.fromkeys(tables, strike))
    return Drawn(acts, "all rows", tables[:2], (slice_of(**where),))


def _sampled(world: World) -> Drawn:
    where = {"device": world.one_of(DEVICES)}
    share = round(world.between(0.6, 0.95, 0.8), 2)

    def strike(rng: np.random.Generator, rows: pa.Table) -> pa.Table:
        requests, each = np.unique(rows["request_id"].to_numpy(), return_inverse=True)
        dropped = (rng.random(len(requests)) < share)[each]
        return taken(rows, ~(inside(rows, where) & dropped))

    acts = Acts(rows={"candidates": strike})
    return Drawn(acts, f"{share:.0%} of the requests", ("candidates",), (slice_of(**where),))


def _device_renamed(world: World) -> Drawn:
    old = world.one_of(DEVICES)
    new = NAMES[old]
    acts = Acts(rows={"plays": lambda _rng, rows: renamed(rows, "device", old, new)})
    places = (slice_of(device=old), slice_of(device=new))
    return Drawn(acts, f"{old} is {new}", ("device", "plays", old, new), places)


FAULTS = (
    Fault(
        "device_unlogged",
        "one device stops logging impressions and plays in one region",
        "logging",
        "logging",
        _unlogged,
    ),
    Fault(
        "candidates_sampled",
        "an app of one device logs the candidates of far fewer requests",
        "logging",
        "logging",
        _sampled,
    ),
    Fault(
        "device_renamed",
        "one device has another name in the table of plays",
        "logging",
        "renaming",
        _device_renamed,
    ),
)
