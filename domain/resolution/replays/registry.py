"""
The ways of pricing that a hotfix's `replay` may name, all in one table. Those that need more than a hotfix of
another kind can provide (an amount, a share, a column) are available to their own kind only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

from domain.recommender.hotfix import DeclaredHotfix
from domain.recommender.recommender import Recommender
from domain.resolution.replays.block import BLOCK
from domain.resolution.replays.boost import BOOST
from domain.resolution.replays.fill import FILL
from domain.resolution.replays.former_model import FORMER_MODEL
from domain.resolution.replays.snapshot import SNAPSHOT
from domain.resolution.replays.standby import STANDBY
from domain.resolution.way import Way

REPLAYS: Mapping[str, Way] = {way.name: way for way in (FILL, BOOST, SNAPSHOT, STANDBY, FORMER_MODEL, BLOCK)}


def tables_of(holds: Literal["deliveries", "standby"], hotfixes: Iterable[DeclaredHotfix]) -> Iterator[str]:
    """The tables that hotfixes are replayed from and that hold this, in declaration order."""
    for hotfix in hotfixes:
        way = REPLAYS.get(hotfix.replay.kind) if hotfix.replay is not None else None
        if way is not None and way.holds == holds and hotfix.replay is not None and hotfix.replay.table:
            yield hotfix.replay.table


def standby_of(recommender: Recommender, own: str) -> str | None:
    """The standby table that keeps the same rows: as declared for a hotfix, or by its name."""
    named = tables_of("standby", recommender.hotfixes.values())
    fits = (name for name in (*named, f"{own}_standby") if name.startswith(own) and name != own)
    spare = next(fits, None)
    return spare if spare in recommender.tables else None
