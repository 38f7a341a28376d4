"""Numbers that are none any more, as columns of 0 and 1: what is usual is learned in the engine."""

from __future__ import annotations

from functools import reduce
from typing import Any

import ibis
from ibis import _

from domain.detection.numeric import ONE_VALUE, exploded_from
from domain.recommender.recommender import Recommender
from workers.sources.flags import Asked, Flagged, flagged, looks_for_missing, past_of
from workers.sources.kinds import finite, is_finite, kind_of
from workers.sources.scored import number_columns
from workers.sources.sets import WINDOW
from workers.sources.source import Source


def flag_numeric(recommender: Recommender, source: Source, rows: Any, asked: Asked) -> Flagged:
    """
    Of each number: NaN (left to a check for missing values where one looks at that column), infinite, far
    beyond what usual windows reach, and the most frequent value of the judged window.
    """
    check, flags, told = asked.check, dict[str, Any](), list[str]()
    columns = number_columns(recommender, source, check)
    limits, values = _limits(source, rows, asked, columns), _most_frequent(source, rows, asked, columns)
    for name in columns:
        value = rows[name].cast("float64")
        if kind_of(rows[name]) == "number":
            if not any(looks_for_missing(one, check, name) for one in recommender.checks.values()):
                flags[f"{name} not a number"] = value.isnan()
                told.append(f"{name} not a number")
            flags[f"{name} infinite"] = ~is_finite(value) & ~value.isnan()
            told.append(f"{name} infinite")
        if (limit := limits[name]) is not None:
            flags[f"{name} exploded"] = is_finite(value) & (value.abs() > limit)
            told.append(f"{name} beyond {limit:,.4g}")
        if (same := values[name]) is not None:
            flags[f"{name}{ONE_VALUE}"] = value == same
            told.append(f"{name} = {same:,.6g}")
    return flagged(rows, flags, tuple(told))


def _limits(source: Source, rows: Any, asked: Asked, columns: tuple[str, ...]) -> dict[str, float | None]:
    past = past_of(rows, asked)
    reaches = {f"reach{place}": finite(past[name]).abs().max() for place, name in enumerate(columns)}
    by_window = source.fetch(past.group_by(WINDOW).aggregate(**reaches))
    return {
        name: exploded_from([float(one) for one in by_window[f"reach{place}"].astype(float)])
        for place, name in enumerate(columns)
    }


def _most_frequent(
    source: Source, rows: Any, asked: Asked, columns: tuple[str, ...]
) -> dict[str, float | None]:
    """Of several the smallest: not every engine has a mode, and those that have take another one each."""
    now = rows.filter(rows[WINDOW] == asked.learn_until)

    def most(place: int, name: str) -> Any:
        values = now.select(held=finite(now[name]))
        counts = values.filter(values["held"].notnull()).group_by("held").aggregate(n=_.count())
        top = counts.order_by(ibis.desc("n"), "held").limit(1)
        return top.select(place=ibis.literal(place, type="int64"), held=top["held"])

    if not columns:
        return {}
    asks = (most(place, name) for place, name in enumerate(columns))
    seen = source.fetch(reduce(lambda one, other: one.union(other), asks))
    held = dict(zip(seen["place"].astype(int), seen["held"].astype(float), strict=True))
    return {name: held.get(place) for place, name in enumerate(columns)}
