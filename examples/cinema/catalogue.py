"""The films: a real catalogue, cleaned, with some films held back to be launched later."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

Codes = npt.NDArray[np.int32]

NEW_FOR = timedelta(days=3)
UPCOMING_DAYS, UPCOMING_FILMS = 28, 12
PAST_DAYS, PAST_FILMS = 90, 108
LATEST_LAUNCH_DAYS = 2 / 24  # before the first start, so that an older catalogue lacks something
LAUNCH_GENRES = ("Drama", "Comedy", "Romance", "Documentary", "Horror", "Thriller", "Sci-Fi")
LAUNCH_COUNTRIES = ("United States", "France", "United Kingdom", "Germany")
LAUNCH_LANGUAGES = ("English", "French", "German")  # spoken widely enough that losing one is noticed
HOME_LANGUAGE = {
    "France": "French",
    "Belgium": "French",
    "Germany": "German",
    "Austria": "German",
    "Italy": "Italian",
    "Spain": "Spanish",
    "Mexico": "Spanish",
    "Argentina": "Spanish",
    "Japan": "Japanese",
    "India": "Hindi",
    "Hong Kong": "Cantonese",
    "South Korea": "Korean",
    "Sweden": "Swedish",
    "Denmark": "Danish",
}
SLICES = ("genre", "country", "decade")


@dataclass(frozen=True)
class Catalogue:
    """
    One version of the catalogue. A film keeps its row in every version, so a place identifies a film.

    `frame` columns: item_id, title, genre, country, language (may be null), decade, year, runtime_minutes,
    rating (0–1), popularity (0–1), launch_at (aware UTC).
    """

    frame: pd.DataFrame
    vocabulary: dict[str, list[str]]
    withheld: npt.NDArray[np.bool_] | None = None  # films that are not served although launched

    @cached_property
    def ids(self) -> npt.NDArray[np.object_]:
        """Film ids by place."""
        return self.frame["item_id"].to_numpy(dtype=object)

    @cached_property
    def codes(self) -> dict[str, Codes]:
        """For genre, country, decade, language: each film's place in the vocabulary, -1 where unset."""
        return {
            column: pd.Categorical(self.frame[column], categories=words).codes.astype(np.int32)
            for column, words in self.vocabulary.items()
        }

    @cached_property
    def launches(self) -> npt.NDArray[np.int64]:
        """When each film launches or launched, microseconds since 1970."""
        at: npt.NDArray[np.int64] = self.frame["launch_at"].dt.as_unit("us").to_numpy(dtype=np.int64)
        return at

    @cached_property
    def numbers(self) -> dict[str, npt.NDArray[np.float32]]:
        """The numeric columns by place."""
        columns = ("year", "runtime_minutes", "rating", "popularity")
        return {column: self.frame[column].to_numpy(dtype=np.float32) for column in columns}

    def launched(self, at: datetime) -> npt.NDArray[np.bool_]:
        """Which films can be shown at `at`."""
        launched = self.launches <= microseconds(at)
        return launched if self.withheld is None else launched & ~self.withheld

    def new(self, at: datetime) -> npt.NDArray[np.bool_]:
        """Which films were launched in the `NEW_FOR` before `at`."""
        return self.launched(at) & (self.launches > microseconds(at - NEW_FOR))

    def upcoming(self, at: datetime) -> Codes:
        """Places of the films that launch in the next 28 days, soonest first."""
        start, end = microseconds(at), microseconds(at + timedelta(days=UPCOMING_DAYS))
        places = np.flatnonzero((self.launches > start) & (self.launches <= end))
        return places[np.argsort(self.launches[places], kind="stable")].astype(np.int32)

    def where(self, values: Mapping[str, str]) -> npt.NDArray[np.bool_]:
        """By place, which films have these values of genre, country, decade."""
        inside = np.ones(len(self.ids), dtype=bool)
        for column, value in values.items():
            inside &= (self.frame[column] == value).to_numpy()
        return inside

    def changed(self, column: str, places: npt.NDArray[np.bool_], values: pd.Series) -> Catalogue:
        """This catalogue with other values (by place) in a column for some films; new words are learned."""
        frame = self.frame.copy()
        frame[column] = frame[column].where(~pd.Series(places, index=frame.index), values)
        vocabulary = dict(self.vocabulary)
        if column in vocabulary:
            known = vocabulary[column]
            vocabulary[column] = known + sorted(set(frame[column].dropna()) - set(known))
        return replace(self, frame=frame, vocabulary=vocabulary)

    def without_language(self, places: npt.NDArray[np.bool_]) -> Catalogue:
        """This catalogue with the language of some films unset."""
        frame = self.frame.copy()
        frame["language"] = frame["language"].mask(pd.Series(places, index=frame.index))
        return replace(self, frame=frame)

    def with_language(self, places: npt.NDArray[np.bool_], language: str) -> Catalogue:
        """This catalogue with `language` filled in for those of `places` where it is unset."""
        frame = self.frame.copy()
        unset = frame["language"].isna() & pd.Series(places, index=frame.index)
        frame["language"] = frame["language"].mask(unset, language)
        return replace(self, frame=frame)


def microseconds(at: datetime) -> int:
    """Microseconds since 1970 of an aware time."""
    return round(at.timestamp() * 1_000_000)


def read_catalogue(anchor: datetime) -> Catalogue:
    """
    The films with their launches scheduled around `anchor`: the same films and days for the same anchor.

    Raises:
        FileNotFoundError: the package that holds the catalogue is not installed; says how to install it.
    """
    frame = _tidy(_read_films())
    frame["launch_at"] = _plan_launches(frame, anchor)
    vocabulary = {column: sorted(frame[column].dropna().unique()) for column in (*SLICES, "language")}
    return Catalogue(frame, vocabulary)


def _read_films() -> pd.DataFrame:
    spec = find_spec("bokeh_sampledata")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("the film catalogue is not installed: pip install 'bokeh-sampledata>=2026.1'")
    path = Path(spec.origin).parent / "_data" / "movies.db"
    joined = "FROM omdb o JOIN tomatoes t ON t.ID = o.ID ORDER BY o.ID"
    query = f"SELECT o.*, t.Meter AS Meter, t.Reviews AS Reviews {joined}"
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
        films = pd.read_sql(query, connection)
    return films.drop_duplicates("imdbID").reset_index(drop=True)


def _tidy(films: pd.DataFrame) -> pd.DataFrame:
    country = _first(films["Country"]).fillna("Unknown")
    spoken = films["Language"].fillna("").str.split(",").map(lambda words: [word.strip() for word in words])
    pairs = zip(country, spoken, strict=True)
    language = [_main_language(HOME_LANGUAGE.get(land), words) for land, words in pairs]
    return pd.DataFrame(
        {
            "item_id": films["imdbID"],
            "title": films["Title"],
            "genre": _first(films["Genre"]).fillna("Unspecified"),
            "country": country,
            "language": pd.Series(language, dtype="str"),
            "decade": (films["Year"] // 10 * 10).astype(str) + "s",
            "year": films["Year"].astype("int32"),
            "runtime_minutes": films["Runtime"].fillna(films["Runtime"].median()).clip(20, 300),
            "rating": films["Meter"].fillna(films["Meter"].median()) / 100.0,
            "popularity": films["Reviews"].fillna(0).rank(pct=True),
            "launch_at": pd.to_datetime(films["Released"], utc=True).dt.as_unit("us"),
        }
    )


def _main_language(home: str | None, spoken: list[str]) -> str | None:
    """The source lists languages alphabetically: the country's own if among them, otherwise the first."""
    return home if home in spoken else (spoken[0] or None)


def _first(column: pd.Series[str]) -> pd.Series[str]:
    first = column.str.split(",").str[0].str.strip()
    return first.where(first != "")


def _plan_launches(frame: pd.DataFrame, anchor: datetime) -> pd.Series[pd.Timestamp]:
    """
    Launches on the hour: films in the order of a hash of their id, spread evenly over days.

    Films of middling popularity, so that one launch moves no slice much: it must not look like a fault.
    """
    fit = frame["genre"].isin(LAUNCH_GENRES) & frame["country"].isin(LAUNCH_COUNTRIES)
    wanted = frame.index[
        fit
        & frame["language"].isin(LAUNCH_LANGUAGES)
        & frame["popularity"].between(0.6, 0.8)
        & (frame["rating"] > 0.5)
    ]
    order = sorted(
        wanted, key=lambda place: hashlib.blake2b(str(frame.at[place, "item_id"]).encode()).digest()
    )
    hour = anchor.replace(minute=0, second=0, microsecond=0)
    launch_at = frame["launch_at"].copy()
    for turn, place in enumerate(order[: UPCOMING_FILMS + PAST_FILMS]):
        if turn < UPCOMING_FILMS:
            days = (turn + 0.5) * UPCOMING_DAYS / UPCOMING_FILMS
        else:
            days = -LATEST_LAUNCH_DAYS - (turn - UPCOMING_FILMS) * PAST_DAYS / PAST_FILMS
        launch_at[place] = pd.Timestamp(hour + timedelta(hours=round(days * 24)))
    return launch_at
