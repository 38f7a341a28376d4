"""
One world with faults of every kind that is looked for, in tables that can be held by any engine.

Its clock is Berlin's, which loses an hour two days before the end. Times are kept with a zone, as
milliseconds, as a date, and as text that is not always a time.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
import pandas as pd

from domain.recommender.recommender import Recommender
from tests.engines.places import Where

BERLIN = ZoneInfo("Europe/Berlin")
END = datetime(2026, 3, 31, tzinfo=BERLIN)
LOOKS = tuple(END + timedelta(days=days) for days in (-1, 0, 2))  # the last one sees windows without rows
DAYS, A_DAY, HOURS = 14, 700, 24 * 12
COUNTRIES = ("France", "Côte d'Ivoire", 'the "other" one', "Æther")


TABLES: dict[str, dict[str, Any]] = {
    "Views": {
        "time": "Seen at",
        "window": "1d",
        "dimensions": ("country", "device", "hd", "tier", "shelf"),
        "item": "item_id",
        "key": "id",
    },
    "plays": {"time": "at_ms", "window": "1h", "dimensions": ("country", "device")},
    "pings": {"time": "sent_at", "window": "1h"},
    "sales": {"time": "day", "window": "1d", "dimensions": ("country",)},
    "items": {},
}
CHECKS: dict[str, dict[str, Any]] = {
    "volume": {"kind": "volume", "table": "plays", "history": "9d"},
    "minutes": {"kind": "volume", "table": "plays", "history": "9d", "measure": "minutes"},
    "slices": {"kind": "slice_volume", "table": "plays", "history": "9d"},
    "freshness": {"kind": "freshness", "table": "pings", "history": "9d"},
    "schema": {"kind": "schema", "table": "Views", "types": {"Rating": "text", "gone": "integer"}},
    "missing": {"kind": "missing", "table": "Views"},
    "domain": {"kind": "domain", "table": "Views", "dimensions": ("country", "shelf")},
    "duplicates": {"kind": "duplicates", "table": "Views", "dimensions": ("hd", "tier")},
    "references": {"kind": "references", "table": "Views", "dimensions": ("country", "device")},
    "drift": {"kind": "drift", "table": "Views", "dimensions": ("country", "device")},
    "price": {"kind": "series", "table": "sales", "measure": "price", "aggregate": "mean"},
    "tail": {
        **{"kind": "series", "table": "sales", "measure": "price", "aggregate": "quantile"},
        **{"quantile": 0.9, "dimensions": ("country",)},
    },
    "margin": {"kind": "series", "table": "sales", "measure": "won", "over": "price", "aggregate": "ratio"},
    "broken": {"kind": "missing", "table": "Views", "columns": ("Ratng",)},
}


def write(folder: Path) -> None:
    """The tables as Parquet, `NAME.parquet` each."""
    chance = np.random.default_rng(11)
    frames = {
        "Views": _views(chance),
        "plays": _plays(chance),
        "pings": _pings(chance),
        "sales": _sales(chance),
        "items": pd.DataFrame({"key": np.arange(300), "shelf": [f"s{n % 4}" for n in range(300)]}),
    }
    with duckdb.cursor() as connection:
        for name, frame in frames.items():
            connection.register("frame", frame)
            cast = ", ".join(f'"{column}"::{kind} AS "{column}"' for column, kind in KINDS[name].items())
            connection.execute(
                f"COPY (SELECT {cast} FROM frame) TO '{folder / name}.parquet' (FORMAT parquet)"
            )


def declared(where: Where) -> Recommender:
    """All checks, over tables that are where `where` says."""
    tables = {name: {"name": name, **where(name), **table} for name, table in TABLES.items()}
    checks = {name: {"name": name, **check} for name, check in CHECKS.items()}
    return Recommender.model_validate(
        {
            "name": "world",
            "timezone": str(BERLIN),
            "tables": tables,
            "items": {"table": "items", "key": "key"},
            "checks": checks,
        }
    )


KINDS = {
    "Views": {
        **{"Seen at": "TIMESTAMPTZ", "id": "BIGINT", "item_id": "BIGINT", "country": "VARCHAR"},
        **{"device": "VARCHAR", "hd": "BOOLEAN", "tier": "DOUBLE", "Rating": "DOUBLE", "rough": "FLOAT"},
        **{"paid": "DECIMAL(9, 2)", "watched minutes": "INTEGER", "genre": "VARCHAR", "tag": "VARCHAR"},
        **{"member": "VARCHAR", "note": "VARCHAR", "born": "DATE"},
    },
    "plays": {"at_ms": "BIGINT", "country": "VARCHAR", "device": "VARCHAR", "minutes": "DOUBLE"},
    "pings": {"sent_at": "VARCHAR"},
    "sales": {"day": "DATE", "country": "VARCHAR", "price": "DOUBLE", "won": "DOUBLE"},
    "items": {"key": "BIGINT", "shelf": "VARCHAR"},
}


def _views(chance: np.random.Generator) -> pd.DataFrame:
    rows = DAYS * A_DAY
    ago = np.sort(chance.uniform(0, DAYS * 86_400, rows))[::-1]
    frame = pd.DataFrame({"Seen at": pd.Timestamp(END).tz_convert("UTC") - pd.to_timedelta(ago, unit="s")})
    frame["Seen at"] = frame["Seen at"].dt.floor("us")
    frame["id"] = np.arange(rows)
    frame["item_id"] = chance.integers(0, 300, rows)
    frame["country"] = chance.choice(np.array([*COUNTRIES, None], dtype=object), rows)
    frame["device"] = chance.choice(["tv", "web", "mobile"], rows)
    frame["hd"] = chance.random(rows) < 0.4
    frame["tier"] = chance.choice([1.0, 2.0, 2.5, np.nan], rows)
    frame["Rating"] = np.where(chance.random(rows) < 0.01, np.nan, chance.normal(0, 1, rows).clip(-3, 3))
    frame["rough"] = chance.normal(5, 2, rows).clip(0, 10)
    frame["paid"] = chance.gamma(2, 4, rows).clip(0, 60).round(2)
    frame["watched minutes"] = chance.integers(0, 180, rows)
    frame["genre"] = chance.choice([f"g{n}" for n in range(9)], rows)
    frame["tag"] = [f"Tag {n}" for n in np.minimum(chance.geometric(0.04, rows), 70)]
    frame["member"] = [f"m{n}" for n in chance.integers(0, 4_000, rows)]
    frame["note"] = None
    frame["born"] = pd.Timestamp("1990-01-01")
    return _spoilt(frame, ago, chance)


def _spoilt(frame: pd.DataFrame, ago: np.ndarray, chance: np.random.Generator) -> pd.DataFrame:
    """A fault for each check of the rows, in the last two days, so that one look is before it."""
    today, share = ago < 2 * 86_400, chance.random(len(frame))
    tv, france = frame["device"] == "tv", frame["country"] == "France"
    frame["genre"] = frame["genre"].mask(today & (frame["device"] == "mobile") & (share < 0.5), "")
    frame["Rating"] = frame["Rating"].mask(today & (share > 0.9), np.inf)
    frame["watched minutes"] = frame["watched minutes"].mask(today & (share < 0.06), 9_000)
    frame["item_id"] = frame["item_id"].mask(today & tv & (share < 0.4), 7_777)
    frame["rough"] = frame["rough"].mask(today & france, (frame["rough"] + 4).clip(0, 10))
    frame["tag"] = frame["tag"].mask(today & (share < 0.5), "Tag 3")
    frame["member"] = frame["member"].mask(today & (share < 0.4), "m" + frame["id"].astype(str))
    twice: pd.DataFrame = frame[today & frame["hd"] & (share < 0.4)]
    return pd.concat([frame, twice], ignore_index=True)


def _plays(chance: np.random.Generator) -> pd.DataFrame:
    hours = chance.uniform(0, HOURS, HOURS * 240)
    frame = pd.DataFrame({"at_ms": ((END.timestamp() - hours * 3_600) * 1_000).astype(np.int64)})
    frame["country"] = chance.choice(np.array([*COUNTRIES, None], dtype=object), len(hours))
    frame["device"] = chance.choice(["tv", "web"], len(hours))
    frame["minutes"] = np.where(chance.random(len(hours)) < 0.02, np.nan, chance.gamma(2, 20, len(hours)))
    lost = (hours < 1) & (chance.random(len(hours)) < 0.5)
    gone = (hours > 24) & (hours < 25) & (frame["country"] == "France") & (frame["device"] == "tv")
    kept: pd.DataFrame = frame[~lost & ~gone]
    return kept


def _pings(chance: np.random.Generator) -> pd.DataFrame:
    minutes = np.arange(20, HOURS * 60, 3) + chance.uniform(0, 2, len(range(20, HOURS * 60, 3)))
    at = pd.Timestamp(END).tz_convert("UTC") - pd.to_timedelta(minutes[minutes > 100], unit="m")
    texts = [*at.strftime("%Y-%m-%d %H:%M:%S.%f+00"), "soon", "", None]
    return pd.DataFrame({"sent_at": texts})


def _sales(chance: np.random.Generator) -> pd.DataFrame:
    days = np.repeat(np.arange(90), 30)
    frame = pd.DataFrame({"day": pd.Timestamp(END.date()) - pd.to_timedelta(days + 1, unit="D")})
    frame["country"] = chance.choice(["France", "Spain"], len(days))
    frame["price"] = chance.gamma(9, 2, len(days)) * np.where(days < 1, 1.8, 1.0)
    frame["won"] = frame["price"] * chance.uniform(0.2, 0.4, len(days)) * np.where(days < 1, 0.4, 1.0)
    frame.loc[chance.random(len(days)) < 0.02, "price"] = np.inf
    return frame
