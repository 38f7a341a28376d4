"""A bundle that would be too large keeps a part of its largest tables, and says which."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from domain.diagnosis.bundle.freeze import Frozen
from domain.errors import BundleError

TOGETHER: Mapping[str, str] = {
    "candidates": "candidates",
    "candidates_before": "candidates",
    "items": "items",
    "snapshots": "items",
    "feeds": "items",
    "launches": "items",
    "rows": "rows",
    "pairs": "rows",
}
"""The first part of a frame's name → the group that is sampled by the same keys. Others are kept whole."""
ODD = np.uint64(0x9E3779B97F4A7C15)
"""So that two keys that are the same do not cancel each other out."""
ROOM = 0.95  # of the limit: a part compresses a little worse than the whole


def group_of(name: str) -> str | None:
    """The group of frames that a frame is sampled with; None for one that is always kept whole."""
    return TOGETHER.get(name.partition(".")[0])


def shares_to_keep(sizes: Mapping[str, int], limit: int) -> dict[str, float]:
    """
    Group → the share (0–1) of its rows that fits; only groups that have to be sampled are named.

    The remaining room is divided equally: a group that needs less than its part leaves the rest to others.

    Args:
        sizes: bytes of each file, frames by name. limit: of all of them together.

    Raises:
        BundleError: the files that cannot be sampled are too large on their own.

    >>> shares_to_keep({"cells": 10, "candidates": 100, "items": 20}, 80)
    {'candidates': 0.475}
    """
    groups: dict[str, int] = {}
    whole = 0
    for name, size in sizes.items():
        group = group_of(name)
        if group is None:
            whole += size
        else:
            groups[group] = groups.get(group, 0) + size
    room = limit - whole
    if room <= 0:
        raise BundleError(
            f"what cannot be sampled takes {whole:,} bytes by itself, and a bundle may take {limit:,}: "
            "raise limit_mb under [bundle]"
        )
    each = _level(sorted(groups.values()), room)
    return {group: ROOM * each / size for group, size in groups.items() if size > each}


def _level(sizes: list[int], room: float) -> float:
    """The size that each may have so that all fit, where smaller ones leave what they do not need."""
    for place, size in enumerate(sizes):
        left = len(sizes) - place
        if size * left > room:
            return room / left
        room -= size
    return float("inf")


def sampled(frozen: Frozen, shares: Mapping[str, float], seed: int) -> tuple[Frozen, tuple[str, ...]]:
    """
    The frames of each group thinned to its share, and in words how much of each was kept.

    Rows go or stay with their key (for candidates, the request), so that a request, a key in two tables and
    an item in two deliveries are kept whole or not at all.
    """
    frames, words = dict(frozen.frames), list[str]()
    for name, frame in frozen.frames.items():
        group = group_of(name)
        share = shares.get(group) if group else None
        keys = _by(group, frozen.keys.get(name, ()))
        if share is None or not len(frame):
            continue
        kept = frame[_drawn(frame, keys, seed) < share]
        frames[name] = kept
        words.append(f"{name}: {len(kept):,} of {len(frame):,} rows, by {', '.join(keys) or 'row'}")
    return Frozen(frozen.document, frames, frozen.keys), tuple(words)


def _by(group: str | None, keys: tuple[str, ...]) -> tuple[str, ...]:
    return keys[:1] if group == "candidates" else keys


def _drawn(frame: pd.DataFrame, keys: tuple[str, ...], seed: int) -> npt.NDArray[np.float64]:
    """(rows,) a number in [0, 1) for each row, the same wherever its key is the same."""
    named = hashlib.sha256(str(seed).encode()).hexdigest()[:16]
    if not keys:
        return np.random.default_rng(seed).uniform(size=len(frame))
    parts = [
        pd.util.hash_array(frame[key].astype(str).to_numpy(dtype=object), hash_key=named) for key in keys
    ]
    drawn = parts[0]
    for part in parts[1:]:  # as numbers again, so that a pair of keys is drawn as one
        drawn = pd.util.hash_array(drawn ^ (part * ODD), hash_key=named)
    return np.asarray(drawn / 2.0**64, dtype=np.float64)
