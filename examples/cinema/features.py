"""What the ranking model sees, and what members really prefer (which it can only learn from their plays)."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import numpy.typing as npt

from .catalogue import Catalogue
from .members import DEVICES, STRANGE_LANGUAGE, Audience

Floats = npt.NDArray[np.float32]
Places = npt.NDArray[np.int32]

FEATURES = (
    "language_match",
    "genre_affinity",
    "country_affinity",
    "popularity",
    "rating",
    "age_decades",
    "length_fit",
    "is_new",
)
IDEAL_MINUTES = np.array([115.0, 85.0, 100.0], dtype=np.float32)  # tv, mobile, web
LENGTH_TOLERANCE_MINUTES = 40.0
# The hidden truth: log-odds of a play by feature. Never read by training or serving, only by members.
TRUE_WEIGHTS = np.array([3.0, 2.0, 0.4, 1.6, 0.9, -0.06, 0.6, 0.2], dtype=np.float32)
TRUE_BASE = -8.6
TRUE_QUIRK = 0.35  # what a cluster thinks of one film beyond what its features explain
TRUE_POSITION = -0.07  # per place further down the rail


def features(audience: Audience, catalogue: Catalogue, rails: Places, films: Places, at: datetime) -> Floats:
    """
    The model's input.

    Args:
        rails: broadcastable to `films`; rail = cluster * 3 + device.
        films: places in the catalogue, any shape.
        at: when; a film not launched yet counts as new.

    Returns:
        `films`' shape × 8 in the order of `FEATURES`; `language_match` is NaN where the language is unset.
    """
    clusters, devices = np.broadcast_arrays(rails // len(DEVICES), films)[0], rails % len(DEVICES)
    codes, numbers = catalogue.codes, catalogue.numbers
    new = (catalogue.new(at) | ~catalogue.launched(at)).astype(np.float32)
    distance = np.abs(numbers["runtime_minutes"][films] - IDEAL_MINUTES[devices])
    columns = (
        audience.language[clusters, codes["language"][films]],
        audience.genre[clusters, codes["genre"][films]],
        audience.country[clusters, codes["country"][films]],
        numbers["popularity"][films],
        numbers["rating"][films],
        (2015.0 - numbers["year"][films]) / 10.0,
        np.exp(-distance / LENGTH_TOLERANCE_MINUTES),
        new[films],
    )
    return np.stack(columns, axis=-1).astype(np.float32)


def true_log_odds(
    audience: Audience, catalogue: Catalogue, rails: Places, films: Places, at: datetime
) -> Floats:
    """Members' true preference on each rail for each film at the top of the rail: log-odds of a play."""
    seen = features(audience, catalogue, rails, films, at)
    seen[..., 0] = np.nan_to_num(seen[..., 0], nan=STRANGE_LANGUAGE)
    quirk = TRUE_QUIRK * noise(rails // len(DEVICES), films, salt=7)
    odds: Floats = (seen @ TRUE_WEIGHTS + TRUE_BASE + quirk).astype(np.float32)
    return odds


def noise(left: npt.NDArray[np.integer], right: npt.NDArray[np.integer], salt: int) -> Floats:
    """Roughly standard normal, and always the same for the same pair."""
    mixed = (left.astype(np.uint64) << np.uint64(32)) ^ right.astype(np.uint64) ^ np.uint64(salt << 56)
    total = np.zeros(mixed.shape, dtype=np.float64)
    for _ in range(4):
        mixed = mix(mixed + np.uint64(0x9E3779B97F4A7C15))
        total += mixed.astype(np.float64) / 2.0**64
    normal: Floats = ((total - 2.0) * np.sqrt(3.0)).astype(np.float32)
    return normal


def mix(numbers: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """A hash of each number (the finaliser of splitmix64, Steele, Lea & Flood 2014)."""
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return numbers ^ (numbers >> np.uint64(31))
