"""Folders of tables as other teams have them, each without a fault: the same each time they are made."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd

END = datetime(2026, 3, 1, tzinfo=UTC)
COUNTRIES = ("Germany", "Jordan", "France", "United States", "Brazil", "Japan")
GENRES = ("Drama", "Comedy", "Crime", "Romance", "Documentary", "Horror")


def _parquet(path: Path, frame: pd.DataFrame) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.cursor() as connection:
        connection.register("frame", frame)
        connection.execute(f"COPY frame TO '{path}' (FORMAT parquet)")


def _times(chance: np.random.Generator, days: float, rows: float, nights: float = 3.0) -> pd.DatetimeIndex:
    """About `rows` a day until `END`, by night so many times fewer than in the evening."""
    hours = np.arange(int(days * 24))
    swing = 1 + (nights - 1) * (1 + np.sin((hours - 15) / 24 * 2 * np.pi)) / 2
    counts = chance.poisson(rows / 24 * swing / swing.mean())
    at = (np.repeat(hours, counts) + chance.uniform(0, 1, counts.sum())) * 3_600
    return pd.DatetimeIndex(pd.Timestamp(END) - timedelta(days=days) + pd.to_timedelta(np.sort(at), unit="s"))


def _of(chance: np.random.Generator, values: tuple[str, ...], rows: int) -> np.ndarray[Any, Any]:
    weights = 1 / np.arange(1, len(values) + 1)
    return chance.choice(np.array(values, dtype=object), rows, p=weights / weights.sum())


def _several(chance: np.random.Generator, values: tuple[str, ...], rows: int) -> list[list[str]]:
    return [list(dict.fromkeys(_of(chance, values, 1 + int(n)))) for n in chance.poisson(0.7, rows)]


def events(folder: Path) -> None:
    """Ten days of events by the minute: lists, JSON, ids, and a version that is rolled out."""
    chance = np.random.default_rng(1)
    at = _times(chance, 10, 27_000)
    rows = len(at)
    tags = _several(chance, ("new", "top", "local", "kids"), 400)
    arms = [json.dumps(one) for one in _several(chance, ("a", "b", "c"), 400)]
    which = chance.integers(0, 400, rows)
    frame = pd.DataFrame(
        {
            "event_id": [f"{n:08x}-e" for n in chance.permutation(rows)],
            "occurred_at": at,
            "ingested_at": at + pd.to_timedelta(chance.exponential(20, rows), unit="s"),
            "event_name": _of(chance, ("impression", "play", "stop", "click", "search"), rows),
            "user_id": chance.integers(0, 9_000, rows),
            "item_id": [f"i{n}" for n in chance.zipf(1.5, rows) % 800],
            "tags": [tags[n] for n in which],
            "experiments": [arms[n] for n in which],
            "context": [json.dumps({"screen": f"s{n % 4}", "load_ms": int(n)}) for n in which],
            "country": _of(chance, COUNTRIES, rows),
            "country_code": "",
            "app_version": np.where(np.arange(rows) < rows // 2, "7.1", "7.2"),
            "session": [f"{n:x}" for n in chance.integers(0, 40_000, rows)],
        }
    )
    frame["country_code"] = frame["country"].str[:2].str.upper()
    for day, part in frame.groupby(frame["occurred_at"].dt.date):
        _parquet(folder / f"events/dt={day}/part-0.parquet", part)


def impressions(folder: Path) -> None:
    """A wide table of what was shown, with forty features, and a table of members."""
    chance = np.random.default_rng(2)
    at = _times(chance, 21, 12_000)
    rows = len(at)
    features = {f"f_{n:02}": chance.normal(size=rows).astype("float32") for n in range(34)}
    codes = {f"f_cat_{n}": _of(chance, tuple("abcdefgh"[: n + 3]), rows) for n in range(6)}
    frame = pd.DataFrame(
        {
            "request_id": [f"r{n // 4}" for n in range(rows)],
            "served_at": at,
            "member_id": [f"m{n}" for n in chance.integers(0, 3_000, rows)],
            "product_id": chance.integers(1_000, 1_600, rows),
            "position": np.arange(rows) % 4 + 1,
            "clicked": chance.uniform(size=rows) < 0.04,
            "device": _of(chance, ("phone", "tv", "web"), rows),
            "region": _of(chance, ("north", "south", "east"), rows),
            "model_note": "prod",
            **features,
            **codes,
        }
    )
    _parquet(folder / "impressions/1.parquet", frame)
    members = pd.DataFrame({"member_id": [f"m{n}" for n in range(3_000)], "plan": "basic"})
    _parquet(folder / "members.parquet", members)


def ratings(folder: Path) -> None:
    """Ratings and films as texts without a header, times in seconds, genres joined by a bar."""
    chance = np.random.default_rng(3)
    at = _times(chance, 60, 700, nights=1.5)
    films = [f"{n:07d}" for n in chance.permutation(900)[:600]]
    named = chance.choice(np.array(films), len(at))
    lines = [
        f"{chance.integers(1, 2_000)}::{film}::{chance.integers(1, 11)}::{int(when.timestamp())}"
        for film, when in zip(named, at, strict=True)
    ]
    (folder / "ratings.dat").write_text("\n".join(lines), encoding="utf-8")
    genres = _several(chance, GENRES, len(films))
    described = [
        f"{film}::Film, the {n}th ({1950 + n % 70})::{'|'.join(genres[n])}" for n, film in enumerate(films)
    ]
    (folder / "movies.dat").write_text("\n".join(described), encoding="utf-8")


def catalogue(folder: Path) -> None:
    """A catalogue that comes whole each day, the day in the files' names only; plays by partitions."""
    chance = np.random.default_rng(4)
    films = pd.DataFrame(
        {
            "film_id": [f"f{n}" for n in range(500)],
            "title": [f"The film of {n}, and others" for n in range(500)],
            "genres": ["|".join(one) for one in _several(chance, GENRES, 500)],
            "country": ["|".join(one) for one in _several(chance, COUNTRIES, 500)],
            "language": _of(chance, ("en", "de", "fr", "da"), 500),
            "release_date": [f"{y}-{m:02}-01" for y, m in zip(*_months(chance, 500), strict=True)],
            "synopsis": [
                f"A long text about what happens to the people of film {n} in the end" for n in range(500)
            ],
            "runtime": chance.integers(60, 180, 500),
        }
    )
    (folder / "catalogue").mkdir()
    for back in range(30, 0, -1):
        day = (END - timedelta(days=back)).date()
        films.iloc[: 500 - back].to_csv(folder / f"catalogue/catalogue_{day}.csv", index=False)
    at = _times(chance, 30, 8_000)
    plays = pd.DataFrame(
        {
            "film_id": [f"f{n}" for n in chance.integers(0, 470, len(at))],
            "profile_id": chance.integers(0, 4_000, len(at)),
            "started": at,
            "minutes": chance.exponential(40, len(at)),
            "platform": _of(chance, ("tv", "phone", "web"), len(at)),
        }
    )
    for day, part in plays.groupby(plays["started"].dt.date):
        _parquet(folder / f"plays/dt={day}/0.parquet", part)


def _months(chance: np.random.Generator, rows: int) -> tuple[Any, Any]:
    return chance.integers(1990, 2026, rows), chance.integers(1, 13, rows)


def german(folder: Path) -> None:
    """Orders and articles in German, not UTF-8, with dates and decimals as people write them there."""
    chance = np.random.default_rng(5)
    at = _times(chance, 45, 900)
    lines = ["Bestellnummer;Bestellzeit;Kundennr;Artikelnr;Menge;Preis;Land;Gerät"]
    land = _of(chance, ("Österreich", "Deutschland", "Schweiz"), len(at))
    device = _of(chance, ("Händy", "Rechner"), len(at))
    lines += [
        f"B{n};{when:%d.%m.%Y %H:%M:%S};K{chance.integers(0, 5_000)};A{chance.integers(0, 300)};"
        f"{chance.integers(1, 4)};{chance.integers(1, 90)},{chance.integers(10, 99)};{land[n]};{device[n]}"
        for n, when in enumerate(at)
    ]
    (folder / "Bestellungen.csv").write_text("\n".join(lines), encoding="latin-1")
    articles = ["Artikelnr;Bezeichnung;Kategorie;Marke;Erscheinungsdatum"]
    kind, brand = _of(chance, ("Bücher", "Spiele", "Möbel"), 300), _of(chance, ("Löwe", "Bär"), 300)
    articles += [
        f"A{n};Stück Nummer {n};{kind[n]};{brand[n]};{1 + n % 28:02}.{1 + n % 12:02}.{2020 + n % 6}"
        for n in range(300)
    ]
    (folder / "Artikel.csv").write_text("\n".join(articles), encoding="latin-1")


def ids(folder: Path) -> None:
    """Nothing but ids."""
    chance = np.random.default_rng(6)
    pairs = pd.DataFrame(
        {"user_id": chance.integers(0, 900, 5_000), "item_id": chance.integers(0, 700, 5_000)}
    )
    pairs.to_csv(folder / "saved.csv", index=False)


SHAPES: dict[str, Callable[[Path], None]] = {
    "events": events,
    "impressions": impressions,
    "ratings": ratings,
    "catalogue": catalogue,
    "german": german,
    "ids": ids,
}
