"""
Learns the exposure that each rank usually gets from the log, and weights candidates by it.

A request's candidates are ranked by their logged score. Ranks far down are shown too seldom to be learned one
by one, and share bins that widen with the rank.
"""

from __future__ import annotations

from typing import Any

import ibis

from domain.errors import SourceError
from domain.recommender.check import Check
from domain.recommender.model import Model
from domain.recommender.recommender import Recommender
from workers.sources.aggregate.choices import rank_by_score, ranking_model
from workers.sources.aggregate.sets import ROWS
from workers.sources.engines.source import Source
from workers.sources.flagged.flags import Flagged, FlagRequest, flagged, past_of
from workers.sources.logged.served import group_rare_items, most_items

BIN, SHOWN, SHARE, AVERAGE = "__bin", "__shown", "__share", "__average"
ALONE = 20  # the best ranks, which have a bin each
OCTAVE = 4  # bins per doubling of the rank, further down


def flag_shown(recommender: Recommender, source: Source, rows: Any, asked: FlagRequest) -> Flagged:
    """
    Candidates weighted by how often their rank is shown, relative to all ranks; those shown are flagged.

    Raises:
        SourceError: the table is no model's log, or does not say what was shown.
    """
    model = shown_by(recommender, asked.check)
    source.require(*columns_of(model))
    most = most_items(source, rows, asked)
    was = rows[model.shown].cast("boolean").fill_null(False)
    rank = rank_by_score(rows, model)
    rows = rows.mutate(**{BIN: rank_bin(rank), SHOWN: was})
    rows = _weighted(rows, past_of(rows, asked))
    return group_rare_items(source, flagged(rows, {str(model.shown): rows[SHOWN]}), most)


def shown_by(recommender: Recommender, check: Check) -> Model:
    """
    The model whose candidates are the check's table, and which says what was shown.

    Raises:
        SourceError: there is none, or it does not declare both its score and what was shown.
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
    """The columns of its log that are read."""
    return str(model.request), str(model.item), str(model.score), str(model.shown)


def rank_bin(rank: Any) -> Any:
    """The bin of each rank, both counted from 1."""
    lower = (rank.cast("float64") / ALONE).log2() * OCTAVE
    return ibis.ifelse(rank <= ALONE, rank.cast("int64"), ALONE + lower.ceil().cast("int64"))


def _weighted(rows: Any, past: Any) -> Any:
    """`ROWS`: how often candidates in the row's bin are shown, relative to all; 0 if the bin is new."""
    share = ibis.ifelse(past[SHOWN], 1.0, 0.0).mean()
    each, every = past.group_by(BIN).aggregate(**{SHARE: share}), past.aggregate(**{AVERAGE: share})
    known = each.cross_join(every).select(
        __known=each[BIN], __weight=each[SHARE] / every[AVERAGE].nullif(0.0)
    )
    rows = rows.left_join(known, rows[BIN] == known["__known"])
    return rows.mutate(**{ROWS: rows["__weight"].fill_null(0.0)})
