"""
Score logged against score computed: what serving added, or another model that scored.

A model other than the one that served agrees with it only by chance; what serving does to scores leaves the
rows that it does not touch as they are, to the bit, or does the same to all rows of a request, an item or a
slice. That tells the two apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from domain.diagnosis.rerun.agreement import Agreement, Bools, Floats
from domain.diagnosis.rerun.interval import Drawn, mean_interval
from domain.diagnosis.rerun.place import Place, places
from domain.diagnosis.rerun.values import StepDifference
from domain.values import name_slice

LEAST_DISTINCT = 10  # different scores that agree, from which on that is no chance
LEAST_SHARE = 0.02  # of a version's rows that agree, below which its model is not the one at hand
ALIKE = 0.98  # share of rows that agree once a constant is taken out, from which on that is what serving did
LEAST_GROUP = 5.0  # rows a group, on average, so that a constant for each says something


@dataclass(frozen=True)
class Scored:
    """
    Rows of one logged version, with the scores of the model at hand.

    `texts` has a column a dimension, `requests` and `items` say whose each row is, `weights` what it counts
    for; all are (rows,).
    """

    version: str | None
    agreement: Agreement
    texts: pd.DataFrame
    requests: npt.NDArray[np.intp]
    items: pd.Series
    unit: str
    weights: Floats
    columns: tuple[str, ...] = ()


def is_right_model(scored: Scored) -> bool:
    """
    Whether the model at hand is the one that scored these rows, whatever serving did to the scores after it.
    """
    own = scored.agreement
    if own.agrees.all():
        return True
    distinct = len(np.unique(own.computed[own.agrees]))
    few = len(np.unique(own.computed)) < 2 * LEAST_DISTINCT
    enough = distinct >= LEAST_DISTINCT or (few and own.agrees.mean() > 1 / 2)
    if enough and own.agrees.mean() >= LEAST_SHARE:
        return True
    return _same_for_all(scored) is not None


def serving_differences(scored: Scored, seed: int = 0) -> tuple[StepDifference, ...]:
    """What serving did to the scores of the right model; empty where it left all as they were."""
    own = scored.agreement
    if own.agrees.all():
        return ()
    by = _same_for_all(scored) if own.agrees.mean() < LEAST_SHARE else None
    if by is not None:
        return (_whole(scored, by, seed),)
    found = places(scored.texts, ~own.agrees, scored.items)
    return tuple(_placed(scored, place, seed) for place in found)


def another_model(scored: Scored, instead: str | None = None, seed: int = 0) -> StepDifference:
    """
    Rows that the model at hand did not score.

    Args:
        instead: the kept version that gives their scores to the bit, where one does.
    """
    own = scored.agreement
    differing = ~own.agrees
    size, low, high = _mean(scored, np.abs(own.difference), differing, seed)
    share = 100 * float(differing.mean())
    who = f"logged as scored by {scored.version}" if scored.version else "logged"
    words = (
        f"{share:.0f} % of the {len(differing):,} scores {who} are not those of the model file, "
        f"by {size:.3g} on average [{low:.3g}–{high:.3g}] and alike nowhere"
    )
    if instead is not None:
        words += f"; they are those of version {instead} bit for bit"
    return StepDifference(
        step="model",
        rows=len(differing),
        requests=_count(scored.requests),
        differing=int(differing.sum()),
        size=size,
        low=low,
        high=high,
        where=(),
        version=scored.version,
        column=None,
        words=words,
        unit=scored.unit,
    )


def _same_for_all(scored: Scored) -> str | None:
    """
    The column by which the differences are constants, "" where one constant is for all; None if they are not.
    One for each item says nothing: a model that knows items only by their features gives that, too.
    """
    own = scored.agreement
    groups: dict[str, npt.NDArray[np.intp]] = {"": np.zeros(len(own.difference), dtype=np.intp)}
    groups["request"] = scored.requests
    groups |= {str(name): pd.factorize(scored.texts[name])[0].astype(np.intp) for name in scored.texts}
    known = np.isfinite(own.difference)
    distinct = len(np.unique(own.computed))
    scale = np.abs(own.computed[known]).max(initial=0.0)
    allowed = max(64 * float(np.finfo(np.float32).eps) * scale, 1e-9)
    for name, group in groups.items():
        count = int(group.max(initial=-1)) + 1
        if not known.all() or min(len(group), distinct) < LEAST_GROUP * count:
            continue
        middle = pd.Series(own.difference).groupby(group).median().to_numpy()
        if np.mean(np.abs(own.difference - middle[group]) <= allowed) >= ALIKE:
            return name
    return None


def _whole(scored: Scored, by: str, seed: int) -> StepDifference:
    own = scored.agreement
    size, low, high = _mean(scored, own.difference, ~own.agrees, seed)
    what = {"": "every score by the same", "request": "all scores of a request by the same"}.get(
        by, f"all scores of each `{by}` by the same"
    )
    words = f"After the model, serving changed {what}: {_sized(size, low, high, scored.unit)}"
    column = None if by in ("", "request") else by
    return _difference(scored, Place((), np.ones_like(own.agrees)), (size, low, high), words, column)


def _placed(scored: Scored, place: Place, seed: int) -> StepDifference:
    own = scored.agreement
    differing = ~own.agrees & place.inside
    size, low, high = _mean(scored, own.difference, differing, seed)
    rest = own.agrees[~place.inside]
    every = "all" if differing.sum() == place.inside.sum() else f"{int(differing.sum()):,}"
    where = _where(place)
    words = (
        f"After the model, serving changed the score of {every} of {int(place.inside.sum()):,} "
        f"candidates{where}: {_sized(size, low, high, scored.unit)}"
    )
    if len(rest) and rest.all() and place.where != ():
        words += "; everywhere else they are the model's to the last digit"
    column = next((name for name, _ in place.where or () if name in scored.columns), None)
    return _difference(scored, place, (size, low, high), words, column)


def _difference(
    scored: Scored, place: Place, sized: tuple[float, float, float], words: str, column: str | None
) -> StepDifference:
    own = scored.agreement
    size, low, high = sized
    return StepDifference(
        step="serving",
        rows=int(place.inside.sum()),
        requests=_count(scored.requests[place.inside]),
        differing=int((~own.agrees & place.inside).sum()),
        size=size,
        low=low,
        high=high,
        where=place.where,
        version=scored.version,
        column=column,
        words=words,
        unit=scored.unit,
        exact=low == size == high,
        items=place.items,
    )


def _mean(scored: Scored, values: Floats, chosen: Bools, seed: int) -> tuple[float, float, float]:
    """The mean and its interval; for what is the same in all rows except for the last digits, its range."""
    own = values[chosen & np.isfinite(values)]
    if not len(own):
        return 0.0, -np.inf, np.inf
    drawn = Drawn(scored.requests, scored.weights, seed).of(chosen & np.isfinite(values))
    size = drawn.mean(own)
    least, most = float(own.min()), float(own.max())
    if least == most:
        return least, least, least
    if most - least <= 1e-4 * abs(size):
        return size, least, most
    low, high = mean_interval(own, drawn)
    return size, low, high


def _sized(size: float, low: float, high: float, unit: str) -> str:
    if low == size == high:
        return f"by {size:+.4g} {unit}, bit for bit"
    if high - low <= 1e-4 * abs(size):
        return f"by {size:+.4g} {unit} each"
    return f"by {size:+.3g} {unit} on average [{low:+.3g} to {high:+.3g}]"


def _where(place: Place) -> str:
    if place.items:
        return f" of {len(place.items):,} items"
    return f" of {name_slice(place.where)}" if place.where else ""


def _count(requests: npt.NDArray[np.intp]) -> int:
    return len(np.unique(requests))


def best_version(kept: Mapping[str, Agreement]) -> str | None:
    """The kept version whose scores are the logged ones; none where there is none."""
    right = {name: float(own.agrees.mean()) for name, own in kept.items()}
    name = max(right, key=lambda one: right[one], default=None)
    return name if name is not None and right[name] >= ALIKE else None
