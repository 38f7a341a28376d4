"""
At which layer of a network the items concerned part from comparable ones, and in which units.

    inputs ─▶ hidden layer 1 ─▶ hidden layer 2 ─▶ …   what each unit holds, averaged over an item's candidates
        │ how far its mean over the items concerned is from that over comparable ones, in their spreads
        ▼
    root mean square over a layer's units, held against the same with the items shuffled

If they part at the inputs, the cause is what the network was fed; if only later, what it makes of that.

Source:
    Permutation tests: Fisher (1935), The Design of Experiments. The number of layers is allowed for by
    Bonferroni. Comparable items are the nearest in the model's own features, so that what is reported of
    the inputs errs on the side of too little.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from domain.diagnosis.inside.nearby import nearby
from domain.diagnosis.items.attribution import column_by_column, network_of, transform_of
from domain.diagnosis.replay import Scorer
from domain.errors import TooFewRows
from domain.prediction.neighbours import is_numeric, nearest

CELLS, ROWS = 4_000_000, 4_000  # at most, per side: values of features, and candidates
ITEMS = 200  # concerned, at most
COMPARABLES, LEAST_COMPARED = 5, 100  # for each item concerned; all together
LEAST = 20  # comparable items: fewer are indistinguishable from chance
SHUFFLES = 999
LEVEL = 0.05  # over all layers
FLOOR = 0.1  # of a layer's usual spread: what hardly varies among comparables is not infinitely far off
UNITS = 3  # reported of a layer

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Layer:
    """
    One layer: `apart` is how far the two groups are apart in spreads of comparable items, `by_chance` the
    median of that with the items shuffled, `p_value` of being so far. `units`: the furthest, each with its
    signed distance. The first `name` is the inputs'.
    """

    name: str
    apart: float
    by_chance: float
    p_value: float
    units: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Parting:
    """All layers from the inputs on; `first` is the first one at which they part, None where they do not."""

    layers: tuple[Layer, ...]
    concerned: int
    comparables: int

    @property
    def first(self) -> Layer | None:
        """At the 5 % level over all layers."""
        return next((one for one in self.layers if one.p_value <= LEVEL / len(self.layers)), None)


def activations(model: Scorer, rows: pd.DataFrame) -> pd.DataFrame:
    """
    What each unit of a network holds for each row; a model in another process computes it there.

    Returns:
        (rows, units), columns named layer and unit, `0.fare` of an input and `2.17` of the second hidden
        layer; without columns where the model is not a network with known layers.
    """
    own = getattr(model, "activations", None)
    if own is not None:
        return pd.DataFrame(own(rows))
    estimator: Any = getattr(model, "estimator", None)
    steps = getattr(estimator, "steps", None)
    last, before = (steps[-1][1], transform_of(estimator)) if steps else (estimator, _numbers)
    network = network_of(last)
    if network is None or not network.known:
        return pd.DataFrame(index=rows.index)
    numeric = all(pd.api.types.is_numeric_dtype(rows[name]) for name in rows)
    inputs = before(rows)
    as_they_are = numeric and column_by_column(before, rows.astype(float))
    names: Sequence[object] = list(rows) if as_they_are else range(1, inputs.shape[1] + 1)
    found = {f"0.{name}": inputs[:, place] for place, name in enumerate(names)}
    for number, held in enumerate(network.hidden(inputs), 1):
        found |= {f"{number}.{unit + 1}": held[:, unit] for unit in range(held.shape[1])}
    return pd.DataFrame(found, index=rows.index)


def _numbers(rows: pd.DataFrame) -> Floats:
    return rows.to_numpy(np.float64)


def parting_of(
    model: Scorer,
    concerned: pd.DataFrame,
    others: pd.DataFrame,
    features: Sequence[str],
    item: str,
    *,
    seed: int = 0,
) -> Parting | None:
    """
    Where items part in a network; None where the model is not a network with known layers.

    Args:
        concerned, others: candidates with `features`, in the model's order, and the column `item`.

    Raises:
        TooFewRows: fewer than 20 comparable items.
        SourceError: the model cannot be asked.
    """
    names, chance = list(features), np.random.default_rng(seed)
    if activations(model, others[names].head(1)).empty:
        return None
    most = min(ROWS, CELLS // len(names))
    sides = [side.sample(min(most, len(side)), random_state=seed) for side in (concerned, others)]
    mine, theirs = (_by_item(side[names], side[item]) for side in sides)
    mine = mine.sample(min(ITEMS, len(mine)), random_state=seed)
    count = max(COMPARABLES, LEAST_COMPARED // max(len(mine), 1))
    near = theirs.iloc[np.unique(nearest(mine, theirs, nearby(names, chance), count))]
    if len(near) < LEAST:
        raise TooFewRows(f"{len(near)} comparable items are in the log, and {LEAST} are needed")
    rows = pd.concat(sides, ignore_index=True)
    chosen = rows[rows[item].isin({*mine.index, *near.index})].reset_index(drop=True)
    held = activations(model, chosen[names]).groupby(chosen[item]).mean()
    inside = held.index.isin(mine.index)
    order = [np.argsort(chance.random(len(held)))[: inside.sum()] for _shuffle in range(SHUFFLES)]
    by_layer = held.T.groupby([str(name).partition(".")[0] for name in held], sort=False)
    layers = tuple(_layer(str(name), part.T, inside, order) for name, part in by_layer)
    return Parting(layers, int(inside.sum()), int((~inside).sum()))


def _by_item(rows: pd.DataFrame, items: pd.Series) -> pd.DataFrame:
    """A row an item: the mean of numbers, the first of texts."""
    how = {name: "mean" if is_numeric(rows[name]) else "first" for name in rows}
    return rows.groupby(items.to_numpy()).agg(how)


def _layer(
    number: str, held: pd.DataFrame, inside: npt.NDArray[np.bool_], order: Sequence[npt.NDArray[np.intp]]
) -> Layer:
    values = held.to_numpy(np.float64)
    away = _away(values, inside)
    shuffled = np.empty(len(order))
    for place, chosen in enumerate(order):
        drawn = np.zeros(len(values), dtype=bool)
        drawn[chosen] = True
        shuffled[place] = _size(_away(values, drawn))
    apart = _size(away)
    most = np.argsort(-np.abs(away), kind="stable")[:UNITS]
    return Layer(
        name="inputs" if number == "0" else f"hidden layer {number}",
        apart=apart,
        by_chance=float(np.median(shuffled)),
        p_value=float((1 + (shuffled >= apart).sum()) / (1 + len(shuffled))),
        units=tuple((str(held.columns[one]).partition(".")[2], float(away[one])) for one in most),
    )


def _away(values: Floats, inside: npt.NDArray[np.bool_]) -> Floats:
    """(units,) the difference of means in spreads of those that are not `inside`."""
    spread = values[~inside].std(axis=0, ddof=1)
    least = FLOOR * _size(spread)
    apart = values[inside].mean(axis=0) - values[~inside].mean(axis=0)
    return np.asarray(apart / np.maximum(spread, least if least > 0 else np.inf))


def _size(values: Floats) -> float:
    return float(np.sqrt(np.mean(values**2)))
