"""The members: where they live, what they like, and on which device they watch."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pandas as pd

from .catalogue import Catalogue, microseconds
from .demand import joining_times
from .settings import Settings

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

DEVICES = ("tv", "mobile", "web")
SURFACES = ("home", "browse", "after_play")
SURFACE_SHARES = (0.6, 0.25, 0.15)
GOLDEN = 0.618_034  # the fractional parts of its multiples lie evenly in 0–1
STRANGE_LANGUAGE, STRANGE_COUNTRY = 0.08, 0.30
TASTES = (
    ("Drama", "Romance", "Biography"),
    ("Comedy", "Romance", "Animation"),
    ("Horror", "Thriller", "Mystery"),
    ("Sci-Fi", "Action", "Fantasy"),
    ("Documentary", "Biography", "War"),
    ("Musical", "Comedy", "Drama"),
    ("Western", "Crime", "War"),
    ("Thriller", "Drama", "Sci-Fi"),
)


@dataclass(frozen=True)
class Region:
    """Where members live: their part of all requests, languages (0–1), countries (0–1), screens."""

    name: str
    share: float
    languages: dict[str, float]
    countries: dict[str, float]
    devices: tuple[float, float, float]


REGIONS = (
    Region(
        "north_america",
        0.28,
        {"English": 0.95, "Spanish": 0.35, "French": 0.25},
        {"United States": 0.8, "Canada": 0.6},
        (0.50, 0.30, 0.20),
    ),
    Region(
        "british_isles",
        0.17,
        {"English": 0.95, "French": 0.25},
        {"United Kingdom": 0.85, "Ireland": 0.7, "United States": 0.5},
        (0.45, 0.35, 0.20),
    ),
    Region(
        "france_benelux",
        0.20,
        {"French": 0.95, "English": 0.50, "Dutch": 0.4},
        {"France": 0.85, "Belgium": 0.7, "United States": 0.4},
        (0.40, 0.35, 0.25),
    ),
    Region(
        "central_europe",
        0.15,
        {"German": 0.92, "English": 0.55, "French": 0.25, "Polish": 0.4, "Czech": 0.4},
        {"Germany": 0.85, "Austria": 0.7, "United States": 0.4},
        (0.45, 0.30, 0.25),
    ),
    Region(
        "southern_europe",
        0.10,
        {"Italian": 0.85, "Spanish": 0.85, "English": 0.45, "French": 0.35},
        {"Italy": 0.85, "Spain": 0.85, "France": 0.4},
        (0.35, 0.45, 0.20),
    ),
    Region(
        "asia_pacific",
        0.10,
        {"Japanese": 0.8, "Hindi": 0.7, "Cantonese": 0.7, "Korean": 0.7, "English": 0.6},
        {"Japan": 0.8, "India": 0.7, "Hong Kong": 0.7, "South Korea": 0.7},
        (0.25, 0.60, 0.15),
    ),
)


@dataclass(frozen=True)
class Audience:
    """
    Members in clusters of one region and one taste; a rail is a cluster on a device.

    Tables have a row per cluster and a column per word of the catalogue's vocabulary; `language` has one more
    column at the end, NaN, to which the code -1 of an unset language points. `joined` (n_members,) is when
    each joins, microseconds since 1970, in order within a cluster; `opened` is when the cinema began.
    """

    language: Floats
    genre: Floats
    country: Floats
    region: npt.NDArray[np.int8]
    rail_shares: npt.NDArray[np.float64]
    member_ids: npt.NDArray[np.object_]
    member_cluster: Ints
    first_member: Ints
    member_count: Ints
    joined: Ints
    opened: datetime

    @property
    def clusters(self) -> int:
        """How many clusters there are."""
        return len(self.region)

    @property
    def rails(self) -> int:
        """How many rails there are; rail = cluster * 3 + device."""
        return self.clusters * len(DEVICES)

    def count_joined(self, at: int) -> Ints:
        """(n_clusters,) members who have joined by `at` (microseconds since 1970), at least one."""
        there = np.bincount(self.member_cluster[self.joined <= at], minlength=self.clusters)
        return np.maximum(there, 1)

    def frame(self, at: datetime) -> pd.DataFrame:
        """Those who have joined by `at` as a table: member_id, region, cluster, joined_at."""
        names = np.array([region.name for region in REGIONS], dtype=object)
        every = pd.DataFrame(
            {
                "member_id": self.member_ids,
                "region": names[self.region[self.member_cluster]],
                "cluster": self.member_cluster.astype(np.int16),
                "joined_at": pd.to_datetime(self.joined, unit="us", utc=True),
            }
        )
        return every[self.joined <= microseconds(at)].reset_index(drop=True)


def gather_audience(catalogue: Catalogue, settings: Settings, opened: datetime) -> Audience:
    """The members and their tastes, including those who join later; the same for the same seed."""
    rng = np.random.default_rng(settings.seed)
    words = catalogue.vocabulary
    kinds = [(region, taste) for region in REGIONS for taste in TASTES]
    language = np.stack([_liking(words["language"], r.languages, STRANGE_LANGUAGE) for r, _ in kinds])
    country = np.stack([_liking(words["country"], r.countries, STRANGE_COUNTRY) for r, _ in kinds])
    genre = rng.uniform(0.10, 0.40, (len(kinds), len(words["genre"])))
    for row, (_, taste) in enumerate(kinds):
        for rank, name in enumerate(taste):
            genre[row, words["genre"].index(name)] = 0.95 - 0.12 * rank
    language = np.clip(language * rng.uniform(0.9, 1.05, language.shape), 0, 1)
    unset = np.full((len(kinds), 1), np.nan)
    shares = np.array([region.share for region, _ in kinds]) / len(TASTES)
    devices = np.array([region.devices for region, _ in kinds])
    counts = np.maximum(1, np.round(shares * settings.members)).astype(np.int64)
    first = np.concatenate([[0], np.cumsum(counts)[:-1]])
    return Audience(
        language=np.hstack([language, unset]).astype(np.float32),
        genre=genre.astype(np.float32),
        country=country.astype(np.float32),
        region=np.array([REGIONS.index(region) for region, _ in kinds], dtype=np.int8),
        rail_shares=(shares[:, None] * devices).ravel() / (shares[:, None] * devices).sum(),
        member_ids=np.array([f"m{number:05d}" for number in range(int(counts.sum()))], dtype=object),
        member_cluster=np.repeat(np.arange(len(kinds)), counts),
        first_member=first,
        member_count=counts,
        joined=np.concatenate(
            [joining_times(int(count), GOLDEN * turn % 1.0, opened) for turn, count in enumerate(counts, 1)]
        ),
        opened=opened,
    )


def _liking(words: list[str], liked: dict[str, float], otherwise: float) -> npt.NDArray[np.float64]:
    return np.array([liked.get(word, otherwise) for word in words])
