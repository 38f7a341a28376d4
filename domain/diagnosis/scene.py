"""The logged traffic since the onset and before it, ready to be served again differently."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from domain.diagnosis.candidates.undone import Gap, Undone
from domain.diagnosis.changes.begun import since_first
from domain.diagnosis.inclusion import mean_of
from domain.diagnosis.material import Material
from domain.diagnosis.metric import Metric
from domain.diagnosis.place import inside
from domain.diagnosis.replay import Bools, Floats, Traffic, load_traffic
from domain.diagnosis.splits import Side, Split, side_by_side, split
from domain.values import Slice

LEAST_REQUESTS = 30
APART = 0.02  # of the scores' spread: closer ones only differ by rounding
VARIED = 0.1  # of the scores' spread, from which on differences are not one adjustment
MOSTLY = 0.5  # share of the candidates: if most of them are off, each differently, it is another model


@dataclass(frozen=True)
class Skew:
    """
    (rows,) where the logged score is not the computed one, `now` and `before`. `elsewhere`: nearly all of
    them, each by another amount, so that it was another model that ranked.
    """

    now: Bools
    before: Bools
    elsewhere: bool


@dataclass(frozen=True)
class Scene:
    """
    `now` and `before`, each with all its candidates as rows.

    `of_items` and `of_requests` are the dimensions that differ and that agree within a request; `labels` and
    `labels_before` their values row by row; a value that did not exist before is put back to what the item
    had then, because what was renamed or unset is the same slice. `metric` is what the check's own table
    counts.
    """

    now: Traffic
    before: Traffic
    of_items: tuple[str, ...]
    of_requests: tuple[str, ...]
    labels: pd.DataFrame
    labels_before: pd.DataFrame
    metric: Metric | None = None

    @cached_property
    def turned(self) -> Scene:
        """The scene with the requests of now and of before swapped."""
        return Scene(
            self.before,
            self.now,
            self.of_items,
            self.of_requests,
            self.labels_before,
            self.labels,
            self.metric.turned if self.metric is not None else None,
        )

    @property
    def dimensions(self) -> tuple[str, ...]:
        """All of them."""
        return (*self.of_items, *self.of_requests)

    def logged(self) -> Floats:
        """(rows,) the scores by which it was ranked."""
        return self.now.scores(self.now.rows)

    def skew(self) -> Skew:
        """Where logged scores are not those that the model computes."""
        own = self.now.scores(self.now.rows) - self.now.adjustment
        least = APART * float(np.std(own)) + 1e-9
        now, before = (np.abs(traffic.adjustment) > least for traffic in (self.now, self.before))
        part = self.now.adjustment[now]
        varied = bool(len(part)) and float(np.std(part)) > VARIED * float(np.std(own))
        since = now[since_first(self.now.rows, now)] if now.any() else now
        return Skew(now, before, varied and float(since.mean()) > MOSTLY)

    def plays_gap(self, about: Bools, scores: Floats, change: float, by: Floats) -> Gap:
        """
        Choices per request of what is shown by the logged scores, and by `scores`.

        Args:
            change: of the metric, by which the gap is wide (−0.06 is 6 % less).
            by: (rows,) the scores whose prediction of choices is taken.
        """
        worth = np.where(about, self.now.plays(by), 0.0)
        o, spread = _a_request(self.now, worth * self.now.exposure(self.logged()), (), ())
        u = _a_request(self.now, worth * self.now.exposure(scores), (), ())[0]
        paired = self.now.per_request(worth * (self.now.exposure(scores) - self.now.exposure(self.logged())))
        return Gap(o, o / max(1 + change, 1e-3), u, min(spread, mean_of(paired, self.now.weights)[1]))

    def undone(self, symptom: Slice, item: str | None, scores: Floats, gone: Bools | None = None) -> Undone:
        """
        Exposure of every slice of items, and of slices of items within those of requests, with other scores.

        Args:
            symptom: where the finding was made; of `item` alone where it is about one.
        """
        again = self.now.exposure(scores, gone)
        weighted = again * self.now.row_weights
        gap = self._gap(symptom, item, again)
        parts = [(one.observed, one.expected, one.sums(weighted), one.variance) for one in self._splits]
        return _together(parts, gap)

    def undone_with(
        self, name: str, labels: pd.Series, symptom: Slice, item: str | None, scores: Floats
    ) -> Undone:
        """
        The same with other scores, and candidates in other slices of `name`: what was given another label
        counts where it belongs. (rows,) `labels`.
        """
        rows = self.now.rows.assign(**{name: labels})
        relabelled = self.labels.assign(**{name: _text(labels).astype("category")})
        right = replace(self, now=replace(self.now, rows=rows), labels=relabelled)
        again = right.now.exposure(scores)
        weighted = again * self.now.row_weights
        gap = self._gap(symptom, item, self._shown[0])
        gap = replace(gap, undone=right._gap(symptom, item, again).undone)
        pairs = zip(self._splits, right._splits, strict=True)
        parts = [side_by_side(one, other, other.sums(weighted)) for one, other in pairs]
        return _together(parts, gap)

    @cached_property
    def _shown(self) -> tuple[Floats, Floats]:
        """Exposure as logged, now and before."""
        return self.now.exposure(self.logged()), self.before.exposure(_logged(self.before))

    @cached_property
    def _splits(self) -> tuple[Split, ...]:
        shown, then = self._shown
        now = Side(self.labels, self.now.requests, shown, self.now.weights)
        before = Side(self.labels_before, self.before.requests, then, self.before.weights)
        within = (None, *self.of_requests)
        return tuple(split(now, before, item, request) for item in self.of_items for request in within)

    def _gap(self, symptom: Slice, item: str | None, again: Floats) -> Gap:
        """Per request, where the symptom is; a slice of requests alone has as much exposure as ever."""
        shown, then = self._shown
        mine, theirs = self._about(self.now, symptom, item), self._about(self.before, symptom, item)
        o, spread = _a_request(self.now, np.where(mine, shown, 0.0), symptom, self.of_requests)
        u, _ = _a_request(self.now, np.where(mine, again, 0.0), symptom, self.of_requests)
        e, spread_then = _a_request(self.before, np.where(theirs, then, 0.0), symptom, self.of_requests)
        gap = Gap(o, e, u, float(np.hypot(spread, spread_then)))
        if self.metric is None or item is not None:
            return gap
        return self.metric.sharpened(gap, symptom, spread)

    def _about(self, traffic: Traffic, symptom: Slice, item: str | None) -> Bools:
        held = inside(traffic.rows, symptom)
        if item is not None:
            held &= (traffic.rows[traffic.columns.item].astype(str) == item).to_numpy(bool)
        return held


def set_scene(material: Material) -> Scene | None:
    """Null without a model or a log, or with fewer than 30 requests of either time."""
    rows, before, columns, model = (
        material.candidates, material.candidates_before, material.columns, material.model,
    )  # fmt: skip
    if rows is None or before is None or columns is None or model is None:
        return None
    if min(rows[columns.request].nunique(), before[columns.request].nunique()) < LEAST_REQUESTS:
        return None
    now, then = load_traffic(rows, columns, model), load_traffic(before, columns, model)
    names = [name for name in material.sliceable(rows) if name in before]
    steady = [name for name in names if _steady(rows, columns.request, name)]
    moving = tuple(name for name in names if name not in steady)
    labels = pd.DataFrame({name: _text(now.rows[name]) for name in names}, index=now.rows.index)
    labels_before = pd.DataFrame({name: _text(then.rows[name]) for name in names}, index=then.rows.index)
    items = then.rows[columns.item].astype(str)
    for name in moving:
        was = labels_before[name].groupby(items.to_numpy()).first()
        fresh = ~labels[name].isin(labels_before[name].unique())
        labels.loc[fresh, name] = now.rows[columns.item].astype(str).map(was).fillna(labels[name])[fresh]
    cells = material.cells
    metric = Metric(cells, material.dimensions) if cells is not None and not cells.empty else None
    labels, labels_before = labels.astype("category"), labels_before.astype("category")
    return Scene(now, then, moving, tuple(steady), labels, labels_before, metric)


def _together(parts: Sequence[tuple[Floats, ...]], gap: Gap) -> Undone:
    """All slices of all splits: observed, expected, undone and variance of each."""
    if not parts:
        return Undone(*(np.zeros(0),) * 4, gap)
    observed, expected, undone, variance = map(np.concatenate, zip(*parts, strict=True))
    return Undone(observed, expected, undone, variance, gap, len(parts))


def _text(column: pd.Series) -> pd.Series:
    return column.astype("string").fillna("").astype(object)


def _steady(rows: pd.DataFrame, request: str, name: str) -> bool:
    return bool((rows.groupby(request, sort=False)[name].nunique(dropna=False) <= 1).all())


def _logged(traffic: Traffic) -> Floats:
    return traffic.scores(traffic.rows)


def requests_by(traffic: Traffic, labels: pd.Series) -> pd.Series:
    """How many requests there are by `labels`, (rows,), weighted; one in several counts in each."""
    once = pd.DataFrame({"__label": labels.to_numpy(), "__request": traffic.requests}).drop_duplicates()
    weights = traffic.weights[once["__request"].to_numpy()]
    return pd.Series(weights, dtype=float).groupby(once["__label"].to_numpy(), observed=True).sum()


def _a_request(
    traffic: Traffic, values: Floats, symptom: Slice, of_requests: tuple[str, ...]
) -> tuple[float, float]:
    """Mean over the requests in the symptom's slice of requests, and its standard error."""
    part = tuple(pair for pair in symptom if pair[0] in of_requests)
    held = inside(traffic.rows, part)
    asked = traffic.per_request(held.astype(float)) > 0
    return mean_of(traffic.per_request(values)[asked], traffic.weights[asked])
