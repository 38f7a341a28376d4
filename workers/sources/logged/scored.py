"""What a model scored, and what was chosen of it: by score, and as metrics of its rankings, in the engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import reduce
from math import log2
from typing import Any

import ibis

from domain.detection.data.metric import Metric
from domain.detection.data.outcomes import EDGES, Outcomes, outcomes_of
from domain.detection.data.window import Grid
from domain.errors import SourceError
from domain.recommender.check import Check
from domain.recommender.model import Model
from domain.recommender.options import OfColumns, Ranking
from domain.recommender.recommender import Recommender
from workers.sources.aggregate.exposure import (
    ITEM,
    RANK,
    REQUEST,
    chosen_beside,
    joined,
    ranked_choices,
    ranking_model,
)
from workers.sources.aggregate.series import VALUE, metric_from
from workers.sources.aggregate.sets import WINDOW, Names, by_slice
from workers.sources.aggregate.sliced import windowed
from workers.sources.engines.column_kinds import finite, kind_of
from workers.sources.engines.source import Source, open_source
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


SURE = 1e-15  # how close to 0 or 1 a probability may be in the log loss, as in scikit-learn once
MOST_PLACES = 200  # of an ideal ranking, each a separate case in the query


def metric_rows(recommender: Recommender, check: Check, grid: Grid, dimensions: Names) -> Metric:
    """
    The check's metric over `grid`, in all and for each value of each of `dimensions`; NaN in windows without
    anything chosen, or with nothing but chosen rows.

    Raises:
        SourceError: as `scored_rows`, `ranked_choices` and `open_source`; scores are no probabilities where
            the log loss needs them; or more than 200 slices.
    """
    with open_source(recommender, str(check.table)) as source:
        rows = source.between(grid.start, grid.end)
        rows, kept = windowed(recommender, source, rows, grid, dimensions)
        asked: list[Names] = [(), *((name,) for name in kept)]
        metric = Ranking.of(check).metric
        if metric in OF_SCORES:
            rows = scored_rows(recommender, source, rows, check, (grid.start, grid.end))
            if metric == "log_loss":
                require_chances(source, rows, check, grid.count - 1)
            questions = [OF_SCORES[metric](rows, names) for names in asked]
        else:
            chosen = ranked_choices(recommender, source, rows, check, grid.start, grid.end)
            questions = [_of_places(recommender, chosen, check, names) for names in asked]
        frames = [source.fetch(question) for question in questions]
    return metric_from(check, grid, asked, frames)


def places(recommender: Recommender, check: Check) -> int:
    """
    How many places a metric covers: the check's own, else those that a request fills.

    Raises:
        SourceError: more than 200.
    """
    top = Ranking.of(check).top or ranking_model(recommender, check).top
    if top > MOST_PLACES:
        raise SourceError(f'check "{check.name}": top = {top} is more than {MOST_PLACES} places')
    return top


def _auc(rows: Any, names: Names) -> Any:
    """
    The probability that what was chosen is scored above what was not, ties counting half: in order of score
    from the lowest, what was chosen times what lies below it.
    """
    by = rows.group_by(WINDOW, *names, SCORE).aggregate(n=rows.count(), up=rows[CHOSEN].sum())
    by = by.mutate(down=(by["n"] - by["up"]).cast("float64"))  # some engines halve integers as integers
    lower = ibis.cumulative_window(group_by=[by[name] for name in (WINDOW, *names)], order_by=by[SCORE])
    by = by.mutate(below=by["down"].sum().over(lower) - by["down"] / 2)
    sums = by.group_by(WINDOW, *names).aggregate(
        won=(by["up"] * by["below"]).sum(), up=by["up"].sum(), down=by["down"].sum()
    )
    pairs = (sums["up"].cast("float64") * sums["down"]).nullif(0.0)
    return sums.select(WINDOW, *names, **{VALUE: sums["won"] / pairs})


def _log_loss(rows: Any, names: Names) -> Any:
    rows = rows.filter((rows[SCORE] >= 0) & (rows[SCORE] <= 1))
    chance = rows[SCORE].clip(SURE, 1 - SURE)
    loss = ibis.ifelse(rows[CHOSEN] == 1, -chance.ln(), -(1 - chance).ln())
    return rows.group_by(WINDOW, *names).aggregate(**{VALUE: loss.mean()})


OF_SCORES: Mapping[str | None, Callable[[Any, Names], Any]] = {"auc": _auc, "log_loss": _log_loss}


def _of_places(recommender: Recommender, chosen: Any, check: Check, names: Names) -> Any:
    """The mean value of their places, over requests in which something was chosen."""
    top, request = places(recommender, check), str(ranking_model(recommender, check).request)
    rank = chosen[RANK]
    gain = ibis.ifelse(rank <= top, 1 / (rank.cast("float64") + 1).log2(), 0.0)
    each = chosen.group_by(WINDOW, *names, request).aggregate(
        gain=gain.sum(), n=chosen.count(), first=rank.min()
    )
    within = each["first"] <= top
    match Ranking.of(check).metric:
        case "ndcg":
            value = each["gain"] / _ideal(each["n"], top)
        case "mrr":
            value = ibis.ifelse(within, 1 / each["first"].cast("float64"), 0.0)
        case _:
            value = ibis.ifelse(within, 1.0, 0.0)
    return each.group_by(WINDOW, *names).aggregate(**{VALUE: value.mean()})


def _ideal(chosen: Any, top: int) -> Any:
    """What the first places would be worth if everything chosen were in them."""
    worth, cases = 0.0, []
    for place in range(1, top + 1):
        worth += 1 / log2(place + 1)
        cases.append((chosen == place, ibis.literal(worth)))
    return ibis.cases(*cases, else_=ibis.literal(worth))
