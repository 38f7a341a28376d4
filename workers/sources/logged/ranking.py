"""AUC, log loss, NDCG, hit rate and MRR of logged rankings by window and slice: computed in the engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import log2
from typing import Any

import ibis

from domain.detection.data.metric import Metric
from domain.detection.data.window import Grid
from domain.errors import SourceError
from domain.recommender.check import Check
from domain.recommender.options import Ranking
from domain.recommender.recommender import Recommender
from workers.sources.aggregate.choices import RANK, ranked_choices, ranking_model
from workers.sources.aggregate.series import VALUE, metric_from
from workers.sources.aggregate.sets import WINDOW, Names
from workers.sources.aggregate.sliced import windowed
from workers.sources.engines.source import open_source
from workers.sources.logged.scored import CHOSEN, SCORE, require_chances, scored_rows

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
