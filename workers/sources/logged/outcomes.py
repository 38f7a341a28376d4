"""Scores and choices by window, slice and score: summed in the engine."""

from __future__ import annotations

from functools import reduce
from typing import Any

import ibis

from domain.detection.data.outcomes import EDGES, Outcomes, outcomes_of
from domain.detection.data.window import Grid
from domain.recommender.check import Check
from domain.recommender.recommender import Recommender
from workers.sources.aggregate.choices import ranking_model
from workers.sources.aggregate.sets import WINDOW, Names, by_slice
from workers.sources.aggregate.sliced import windowed
from workers.sources.engines.source import open_source
from workers.sources.logged.scored import CHOSEN, SCORE, require_chances, scored_rows

BIN, SCORED, WAS_CHOSEN = "__bin", "__scored", "__was_chosen"


def outcome_rows(recommender: Recommender, check: Check, grid: Grid, dimensions: Names) -> Outcomes:
    """
    The chances over `grid` that the model gave its candidates, which are the check's table, and what was
    chosen of them.

    Raises:
        SourceError: the scores are no probabilities, or as `scored_rows`, `open_source` and `grouped`.
    """
    with open_source(recommender, str(check.table)) as source:
        rows = source.between(grid.start, grid.end)
        rows, kept = windowed(recommender, source, rows, grid, dimensions)
        rows = scored_rows(recommender, source, rows, check, (grid.start, grid.end))
        require_chances(source, rows, check, grid.count - 1)
        rows = rows.filter((rows[SCORE] >= 0) & (rows[SCORE] <= 1))
        keyed = rows.select(
            WINDOW, *kept, **{BIN: _bin(rows[SCORE]), SCORED: rows[SCORE], WAS_CHOSEN: rows[CHOSEN]}
        )
        long = by_slice(source, keyed, kept, check.ways, keep=(BIN,), sums=(SCORED, WAS_CHOSEN))
    long = long.rename(columns={BIN: "bin", SCORED: "scored", WAS_CHOSEN: "chosen"})
    return outcomes_of(long, grid, str(ranking_model(recommender, check).score))


def _bin(score: Any) -> Any:
    """The bin between two of `EDGES`: how many inner edges lie below."""
    passed = [ibis.ifelse(score > edge, 1, 0).cast("int64") for edge in EDGES[1:-1]]
    return reduce(lambda one, other: one + other, passed)
