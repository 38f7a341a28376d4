"""What a model scored, and what was chosen of it, on the engine that holds its candidates."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import ibis

from domain.errors import SourceError
from domain.recommender.check import Check
from domain.recommender.model import Model
from domain.recommender.options import OfColumns
from domain.recommender.recommender import Recommender
from workers.sources.aggregate.choices import ranking_model
from workers.sources.aggregate.exposure import ITEM, REQUEST, chosen_beside, joined
from workers.sources.aggregate.sets import WINDOW, Names
from workers.sources.engines.column_kinds import finite, kind_of
from workers.sources.engines.source import Source
from workers.sources.logged.served import served_by

SCORE, CHOSEN = "__score", "__chosen"
BEYOND = 0.01  # of the scores that may lie outside 0 to 1 before they count as no probabilities


def score_columns(recommender: Recommender, check: Check) -> Names:
    """
    The columns that hold scores: those the check names, else the score of the model whose candidates its
    table is.

    Raises:
        SourceError: there is none.
    """
    model = served_by(recommender, check)
    columns = OfColumns.of(check).columns or ((model.score,) if model and model.score else ())
    if not columns:
        raise SourceError(
            f'check "{check.name}": says not which column is a score; add columns = ["…"], or name its table '
            "as the candidates of one of [models.NAME], with its score"
        )
    return columns


def scoring_model(recommender: Recommender, check: Check) -> Model:
    """
    The model whose candidates are the check's table, with a score.

    Raises:
        SourceError: as `ranking_model`; or it declares no score.
    """
    model = ranking_model(recommender, check)
    if model.score is None:
        raise SourceError(f'model "{model.name}": names no score, which {check.kind} needs; add score = "…"')
    return model


def number_columns(recommender: Recommender, source: Source, check: Check) -> Names:
    """
    The numeric columns that a check examines: those it names; else, if its table is a model's candidates, the
    score and those features that are numbers; else all numbers.

    Raises:
        SourceError: a named column is missing, or holds no numbers.
    """
    numbers = [name for name in source.columns if kind_of(source.rows[name]) in ("number", "integer")]
    model = served_by(recommender, check)
    usual = (*((model.score,) if model.score else ()), *model.features) if model else ()
    source.require(*usual)
    named = OfColumns.of(check).columns or tuple(name for name in usual if name in numbers)
    source.require(*named)
    for name in named:
        if name not in numbers:
            raise SourceError(
                f'table "{source.table.name}": column "{name}" holds {kind_of(source.rows[name])}, not '
                f"numbers; take it out of checks.{check.name}"
            )
    return tuple(named or numbers)


def scored_rows(
    recommender: Recommender, source: Source, rows: Any, check: Check, span: tuple[datetime, datetime]
) -> Any:
    """
    Those of `rows` that were shown, if the model says so, and have a finite score: `SCORE`, and `CHOSEN`,
    which is 1 if it was chosen. What is not shown cannot be chosen, and says nothing about a score.

    Raises:
        SourceError: as `scoring_model` and `exposure.declared`.
    """
    model = scoring_model(recommender, check)
    source.require(
        str(model.score), str(model.request), str(model.item), *((model.shown,) if model.shown else ())
    )
    if model.shown:
        rows = rows.filter(rows[model.shown].cast("boolean"))
    named = {SCORE: finite(rows[model.score]), REQUEST: rows[model.request], ITEM: rows[model.item]}
    rows = rows.mutate(**named)
    rows = rows.filter(rows[SCORE].notnull())
    return joined(rows, chosen_beside(recommender, source, *span))


def require_chances(source: Source, rows: Any, check: Check, last: int) -> None:
    """
    Raises SourceError if more than one in a hundred of the scores in window `last` lie outside 0 to 1.
    """
    now = rows.filter(rows[WINDOW] == last)
    off = ibis.ifelse((now[SCORE] < 0) | (now[SCORE] > 1), 1.0, 0.0)
    seen = source.fetch(now.aggregate(off=off.mean(), low=now[SCORE].min(), high=now[SCORE].max())).iloc[0]
    if float(seen["off"] or 0) > BEYOND:
        raise SourceError(
            f'table "{source.table.name}": scores reach from {float(seen["low"]):,.4g} to '
            f"{float(seen['high']):,.4g}, which are no probabilities; take [checks.{check.name}] out, or log "
            "the score as one"
        )
