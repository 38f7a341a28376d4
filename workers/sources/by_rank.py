"""
What is shown, and how much its ranks make it count: of each place by score, the part shown is learned.

A place is one of a request's candidates ordered by the score that was logged. Places far down have too few
rows to learn from one by one and are taken together, the further down the more.
"""

from __future__ import annotations

from typing import Any

import ibis

from domain.errors import SourceError
from domain.recommender.check import Check
from domain.recommender.model import Model
from domain.recommender.recommender import Recommender
from workers.sources.choices import rank_by_score, ranking_model
from workers.sources.flags import Asked, Flagged, flagged, past_of
from workers.sources.served import items_apart, most_items
from workers.sources.sets import ROWS
from workers.sources.source import Source

PLACE, SHOWN, SHARE, AVERAGE = "__place", "__shown", "__share", "__average"
ALONE = 20  # places from the best on that are learned each by itself
OCTAVE = 4  # further down, so many from one place to twice that


def flag_shown(recommender: Recommender, source: Source, rows: Any, asked: Asked) -> Flagged:
    """
    A row counts by how much more often candidates of its place are shown than those of all places; flagged
    is what was shown.

    Raises:
        SourceError: the table is no model's log, or does not say what was shown.
    """
    model = shown_by(recommender, asked.check)
    source.require(*columns_of(model))
    most = most_items(source, rows, asked)
    was = rows[model.shown].cast("boolean").fill_null(False)
    rank = rank_by_score(rows, model)
    rows = rows.mutate(**{PLACE: place_of(rank), SHOWN: was})
    rows = _with_worth(rows, past_of(rows, asked))
    return items_apart(source, flagged(rows, {str(model.shown): rows[SHOWN]}), most)


def shown_by(recommender: Recommender, check: Check) -> Model:
    """
    The model whose candidates are the check's table, and of which it is known what was shown.

    Raises:
        SourceError: there is none, or it says neither its score nor what was shown.
    """
    model = ranking_model(recommender, check)
    if model.score is None or model.shown is None:
        lacks = "score" if model.score is None else "shown"
        raise SourceError(
            f'check "{check.name}": needs the score of each candidate and whether it was shown; add '
            f'{lacks} = "…" to [models.{model.name}]'
        )
    return model


def columns_of(model: Model) -> tuple[str, ...]:
    """Those of its log that are read."""
    return str(model.request), str(model.item), str(model.score), str(model.shown)


def place_of(rank: Any) -> Any:
    """Ranks from 1 on as places to learn from."""
    lower = (rank.cast("float64") / ALONE).log2() * OCTAVE
    return ibis.ifelse(rank <= ALONE, rank.cast("int64"), ALONE + lower.ceil().cast("int64"))


def _with_worth(rows: Any, past: Any) -> Any:
    """`ROWS`: the share that is shown of a row's place over that of all rows; 0 of a place never seen."""
    each = past.group_by(PLACE).aggregate(**{SHARE: past[SHOWN].cast("float64").mean()})
    every = past.aggregate(**{AVERAGE: past[SHOWN].cast("float64").mean()})
    known = each.cross_join(every).select(
        __known=each[PLACE], __worth=each[SHARE] / every[AVERAGE].nullif(0.0)
    )
    rows = rows.left_join(known, rows[PLACE] == known["__known"])
    return rows.mutate(**{ROWS: rows["__worth"].fill_null(0.0)})
