"""Events of the world: traffic and taste differ from before, and nothing is wrong."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ..catalogue import Catalogue, microseconds
from ..demand import HOUR, Crowd, Ints, rhythm
from ..demand import Floats as Factors
from ..features import mix
from ..members import DEVICES, REGIONS
from ..tables import stamp, write
from .catalogue import COUNTRIES
from .fault import Acts, Drawn, Fault, Floats, World, renamed, taken

RAMP = 1_800_000_000  # microseconds until growth is complete
TABLES = ("impressions", "plays", "plays_standby", "candidates")


def _ramp(start: int, size: float, length: int = RAMP) -> Callable[[Ints], Factors]:
    """A factor that rises from 1 at `start` to 1 + size after `length` microseconds."""
    return lambda times: 1 + size * np.clip((times - start) / length, 0.0, 1.0)


def _holiday(world: World) -> Drawn:
    size = round(world.between(0.2, 0.5, 0.25), 2)
    crowd = Crowd(_ramp(microseconds(world.at), size), 1 + size)
    return Drawn(Acts(crowd=crowd), f"{size:.0%} more requests")


def _release(world: World) -> Drawn:
    size = round(world.between(0.2, 0.4, 0.3), 2)

    def taste(catalogue: Catalogue) -> Floats:
        return np.where(catalogue.new(world.at), 1.0, 0.0).astype(np.float32)

    crowd = Crowd(_ramp(microseconds(world.at), size), 1 + size)
    return Drawn(Acts(crowd=crowd, taste=taste), f"{size:.0%} more requests")


def _campaign(world: World) -> Drawn:
    region = world.one_of(range(len(REGIONS)))
    size = round(world.between(0.6, 1.2, 0.8), 2)

    regions = world.audience.region[np.arange(world.audience.rails) // len(DEVICES)]
    rails = np.where(regions == region, 1 + size, 1.0)
    more = 1 + size * REGIONS[region].share
    crowd = Crowd(lambda times: np.full(len(times), more), more, rails)
    return Drawn(Acts(crowd=crowd), f"{size:.0%} more requests from {REGIONS[region].name}")


def _new_value(world: World, column: str, value: str) -> Drawn:
    share = round(world.between(0.03, 0.08, 0.05), 3)
    known = DEVICES if column == "device" else tuple(region.name for region in REGIONS)

    def strike(_rng: np.random.Generator, rows: pa.Table) -> pa.Table:
        chosen = mix(rows["request_id"].to_numpy().astype(np.uint64) + np.uint64(77)) < np.uint64(
            share * 2.0**64
        )
        more = taken(rows, chosen)
        for old in known:
            more = renamed(more, column, old, value)
        requests = pc.add(more["request_id"], 1)
        more = more.set_column(more.schema.get_field_index("request_id"), "request_id", requests)
        return pa.concat_tables([plain_texts(rows, column), more])

    return Drawn(Acts(rows=dict.fromkeys(TABLES, strike)), f"{share:.1%} more requests, {column} {value}")


def plain_texts(rows: pa.Table, column: str) -> pa.Table:
    """The rows with one column as plain texts, so that others can be appended."""
    place = rows.schema.get_field_index(column)
    return rows.set_column(place, column, rows[column].cast(pa.string()))


def _new_country(world: World) -> Drawn:
    return _new_value(world, "region", "oceania")


def _new_device(world: World) -> Drawn:
    return _new_value(world, "device", "console")


def _backfill(world: World) -> Drawn:
    back = round(world.between(16, 30, 20))
    start = microseconds(world.at) // HOUR * HOUR - back * HOUR

    def once(tables: Path) -> None:
        """Add late plays of devices that were offline, for three hours of the day before."""
        for turn in range(3):
            name = f"{stamp(start + turn * HOUR)}.parquet"
            for table in ("plays", "plays_standby"):
                path = tables / table / name
                if path.exists():
                    rows = pq.ParquetFile(path).read()
                    late = rows.slice(0, rows.num_rows // 10)
                    requests = pc.add(late["request_id"], 1)
                    late = late.set_column(late.schema.get_field_index("request_id"), "request_id", requests)
                    write(path, pa.concat_tables([rows, late]))

    return Drawn(Acts(once=once), f"a tenth more plays in three hours {back} h ago")


def _outage(world: World) -> Drawn:
    minutes = round(world.between(8, 20, 10))
    start, length = microseconds(world.at), minutes * 60_000_000

    def rate(times: Ints) -> Factors:
        return np.where((times >= start) & (times < start + length), 0.02, 1.0)

    acts = Acts(crowd=Crowd(rate, 1.0), planned=timedelta(minutes=minutes))
    return Drawn(acts, f"hardly a request for {minutes} min, as announced")


def _growth(world: World) -> Drawn:
    size = round(world.between(0.3, 0.6, 0.4), 2)
    crowd = Crowd(_ramp(microseconds(world.at), size, 2 * HOUR), 1 + size)
    return Drawn(Acts(crowd=crowd), f"{size:.0%} more requests in two hours")


def _festival(world: World) -> Drawn:
    country = world.one_of(COUNTRIES)
    size = round(world.between(0.6, 1.2, 0.8), 2)

    def taste(catalogue: Catalogue) -> Floats:
        return np.where(catalogue.where({"country": country}), size, 0.0).astype(np.float32)

    return Drawn(Acts(taste=taste), f"films of {country} are liked more by {size} log-odds")


def _clock(world: World) -> Drawn:
    by = world.one_of((1, -1)) * HOUR

    def rate(times: Ints) -> Factors:
        return np.asarray(rhythm(times + by) / rhythm(times))

    return Drawn(
        Acts(crowd=Crowd(rate, 2.5)), f"members come {abs(by) // HOUR} h {'earlier' if by > 0 else 'later'}"
    )


EVENTS = (
    Fault("holiday", "a holiday: members have time", "innocent", "world", _holiday),
    Fault("release_weekend", "new films draw members in", "innocent", "world", _release),
    Fault("campaign", "an advertisement brings members of one region", "innocent", "world", _campaign),
    Fault("new_country", "the cinema opens in a region where it was not", "innocent", "world", _new_country),
    Fault("backfill", "plays of the day before come in late", "innocent", "world", _backfill),
    Fault("planned_outage", "the service is down for minutes, as announced", "innocent", "world", _outage),
    Fault("growth", "more and more members come", "innocent", "world", _growth),
    Fault("festival", "a festival: films of one country are liked more", "innocent", "world", _festival),
    Fault("new_device", "an app for a new device", "innocent", "world", _new_device),
    Fault(
        "clock_change", "clocks go forward or back: members come at another hour", "innocent", "world", _clock
    ),
)
