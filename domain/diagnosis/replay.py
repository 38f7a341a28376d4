"""Logged requests, scored again by the real model and ranked again as the log shows that ranking is done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from domain.diagnosis.inclusion import weights_of
from domain.diagnosis.probabilities import are_probabilities

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

BISECTIONS = 45
CERTAIN = 1e-9  # a logged probability nearer to 0 or 1 is indistinguishable from it
EXPLORES_AT = 0.9  # correlation from which logged propensities are taken for an exponential race


class Scorer(Protocol):
    """A model."""

    @property
    def kind(self) -> str:
        """ "log_odds": scores are log-odds of a play; "number": predicted plays."""
        ...

    def score(self, features: pd.DataFrame) -> Floats:
        """(rows,) in the model's own unit."""
        ...


@dataclass(frozen=True)
class CandidateColumns:
    """
    Which column of the candidates' log holds what; `features` in the model's order. `inclusion` is the
    probability with which the request was logged, `dimensions` are those of the table.
    """

    request: str
    item: str
    score: str
    features: tuple[str, ...]
    member: str | None = None
    propensity: str | None = None
    shown: str | None = None
    top: int = 10
    version: str | None = None
    inclusion: str | None = None
    dimensions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Traffic:
    """
    Candidates of logged requests, one row each.

    `adjustment` is what serving added to the model's score (a boost, a bug) and stays; `temperature` divides
    scores before exploration, null where the best `top` are shown. `weights`, (requests,), say what each
    request counts for: 1 on average.
    """

    rows: pd.DataFrame
    columns: CandidateColumns
    model: Scorer
    requests: npt.NDArray[np.intp]
    adjustment: Floats
    temperature: float | None
    weights: Floats

    @property
    def request_count(self) -> int:
        return int(self.requests.max()) + 1 if len(self.requests) else 0

    @property
    def row_weights(self) -> Floats:
        """(rows,) what each candidate's request counts for."""
        return np.asarray(self.weights[self.requests])

    def scores(self, features: pd.DataFrame) -> Floats:
        """As they would have been logged with these features."""
        return self.model.score(features[list(self.columns.features)]) + self.adjustment

    def exposure(self, scores: Floats, gone: Bools | None = None) -> Floats:
        """How likely each candidate is shown (0–1); rows that are `gone` are not candidates."""
        if self.temperature is None:
            return self._best(scores, gone)
        places = np.full(self.request_count, float(self.columns.top))
        return race(scores, self.requests, self.temperature, places, gone)

    def plays(self, scores: Floats) -> Floats:
        """Predicted plays of each candidate if shown."""
        if self.model.kind == "log_odds":
            return np.asarray(1.0 / (1.0 + np.exp(-np.clip(scores, -40, 40))))
        return np.maximum(scores, 0.0)

    @property
    def members(self) -> pd.Series:
        """(requests,) the member of each; where the log does not say, the request itself."""
        name = self.columns.member if self.columns.member in self.rows else self.columns.request
        return self.rows[name].groupby(self.requests).first()

    @cached_property
    def item_numbers(self) -> npt.NDArray[np.intp]:
        """(rows,) the number of each row's item, from 0 on."""
        return np.asarray(pd.factorize(self.rows[self.columns.item])[0], np.intp)

    @property
    def propensities(self) -> Floats | None:
        """(rows,) how likely each was to be shown, as logged; None where that is not logged."""
        name = self.columns.propensity
        if name is None or name not in self.rows:
            return None
        return self.rows[name].to_numpy(np.float64)

    def shown(self) -> Floats:
        """(rows,) 1 where shown, else 0; where the log does not say, how likely that was."""
        if self.columns.shown is not None and self.columns.shown in self.rows:
            return np.asarray(np.nan_to_num(self.rows[self.columns.shown].to_numpy(np.float64)))
        likely = self.propensities
        return self.exposure(self.scores(self.rows)) if likely is None else np.nan_to_num(likely)

    def by_item(self, values: Floats, rows: Bools) -> pd.Series:
        """Item → sum of `values` over those `rows`, each weighted by its request."""
        items = self.rows[self.columns.item].astype(str)[rows]
        return pd.Series((values * self.row_weights)[rows], index=items).groupby(level=0).sum()

    def per_request(self, values: Floats) -> Floats:
        """(requests,) sums over each request's candidates."""
        return np.bincount(self.requests, weights=values, minlength=self.request_count).astype(np.float64)

    def _best(self, scores: Floats, gone: Bools | None) -> Floats:
        ranked = np.where(gone, -np.inf, scores) if gone is not None else scores
        order = np.lexsort((-ranked, self.requests))
        starts = np.searchsorted(self.requests[order], np.arange(self.request_count))
        place = np.arange(len(order)) - starts[self.requests[order]]
        shown = np.zeros(len(scores))
        shown[order] = (place < self.columns.top) & np.isfinite(ranked[order])
        return shown


def race(
    scores: Floats,
    requests: npt.NDArray[np.intp],
    temperature: float,
    places: Floats,
    gone: Bools | None = None,
) -> Floats:
    """
    How likely each candidate is among the first of its request, if clocks ring by their scores: (rows,).

    Args:
        places: (requests,) how many are shown; the horizon at which so many clocks have rung is found by
            bisection.
        gone: (rows,) those that do not run.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        top = np.full(len(places), -np.inf)
        np.maximum.at(top, requests, scores)
        weights = np.nan_to_num(np.exp((scores - top[requests]) / temperature))
    if gone is not None:
        weights = np.where(gone, 0.0, weights)
    sizes = np.bincount(requests, weights > 0, len(places))
    goal = np.minimum(places, 0.999 * sizes)
    low, high = np.full(len(places), -20.0), np.full(len(places), 40.0)
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        rung = np.bincount(requests, -np.expm1(-weights * np.exp(middle)[requests]), len(places))
        low, high = np.where(rung < goal, middle, low), np.where(rung < goal, high, middle)
    return np.asarray(-np.expm1(-weights * np.exp((low + high) / 2)[requests]))


def load_traffic(rows: pd.DataFrame, columns: CandidateColumns, model: Scorer) -> Traffic:
    """
    Candidates made ready for replay.

    How exploration works is read from the log: where the complementary log-log of the propensities is a
    straight line in the score within each request, exposure is an exponential race, and the inverse of its
    slope the temperature. Logged probabilities are turned into log-odds where the model uses those.

    Raises:
        SourceError: an inclusion probability is missing, 0 or less, or above 1.
    """
    rows = rows.reset_index(drop=True)
    requests = pd.factorize(rows[columns.request])[0].astype(np.intp)
    logged = unit_of(model, rows[columns.score].to_numpy(np.float64))
    own = model.score(rows[list(columns.features)])
    temperature = None
    if columns.propensity is not None and columns.propensity in rows:
        temperature = temperature_of(rows[columns.propensity].to_numpy(np.float64), logged, requests)
    weights = weights_of(rows, requests, columns.inclusion)
    return Traffic(rows, columns, model, requests, added_by_serving(model, logged, own), temperature, weights)


def unit_of(model: Scorer, logged: Floats) -> Floats:
    """Logged scores in the model's own unit: probabilities as log-odds where it uses those."""
    if model.kind != "log_odds" or not are_probabilities(logged):
        return logged
    return log_odds_of(logged)


def log_odds_of(chances: Floats) -> Floats:
    """The log-odds of logged probabilities, as far as these tell them apart."""
    inside = np.clip(chances, CERTAIN, 1 - CERTAIN)
    return np.asarray(np.log(inside) - np.log1p(-inside))


def added_by_serving(model: Scorer, logged: Floats, own: Floats) -> Floats:
    """
    (rows,) what was added to the model's `own` scores, both in its unit; 0 where a logged probability is so
    near to 0 or 1 that any score that far out would give it.
    """
    added = np.nan_to_num(logged - own)
    if model.kind != "log_odds":
        return added
    farthest = np.log1p(-CERTAIN) - np.log(CERTAIN)
    beyond = (np.abs(logged) >= farthest * (1 - CERTAIN)) & (np.abs(own) >= farthest) & (logged * own > 0)
    return np.where(beyond, 0.0, added)


def temperature_of(chance: Floats, score: Floats, requests: npt.NDArray[np.intp]) -> float | None:
    """What divides scores before an exponential race, by the logged chances; null where there is none."""
    inside = (chance > 1e-6) & (chance < 0.999)
    if inside.sum() < 50:
        return None
    rate = np.log(-np.log1p(-chance[inside]))
    places = pd.Series(requests[inside])
    dx = score[inside] - pd.Series(score[inside]).groupby(places).transform("mean").to_numpy()
    dy = rate - pd.Series(rate).groupby(places).transform("mean").to_numpy()
    if not (np.any(dx) and np.any(dy)) or np.corrcoef(dx, dy)[0, 1] < EXPLORES_AT:
        return None
    slope = float(dx @ dy / (dx @ dx))
    return 1.0 / slope if slope > 0 else None


def derived_columns(
    rows: pd.DataFrame, columns: CandidateColumns, feature: str, concerned: Bools
) -> tuple[str, ...]:
    """Model features made from the raw `feature`: itself, those named after it, and those unset with it."""
    found = []
    for name in columns.features:
        unset = rows[name].isna()
        together = (
            concerned.any()
            and unset[concerned].mean() > 0.5
            and unset[~concerned].mean() < 0.1 * unset[concerned].mean()
        )
        if name == feature or name.startswith(f"{feature}_") or together:
            found.append(name)
    return tuple(found)


def fill_rows(
    rows: pd.DataFrame,
    pool: pd.DataFrame,
    columns: CandidateColumns,
    feature: str,
    values: Mapping[str, str],
    derived: Sequence[str],
) -> pd.DataFrame:
    """
    The model's input with `feature` of some items set to a value.

    A model feature made from it is taken from candidates that have this value: of the same request, else of
    the same member, else of anyone. Where none has, it stays as it is.

    Args:
        pool: candidates to look values up in.
        values: item → raw value.
    """
    wanted = rows[columns.item].astype(str).map(values)
    touched = wanted.notna().to_numpy()
    numbers = [name for name in derived if pd.api.types.is_numeric_dtype(rows[name])]
    # A log keeps its features in single precision; what is put in their place need not fit into that.
    out = rows[list(columns.features)].astype(dict.fromkeys(numbers, np.float64))
    known = (
        pool[pool[feature].notna()].assign(__value=lambda frame: frame[feature].astype(str))
        if (feature in pool)
        else pool.iloc[:0].assign(__value="")
    )
    asked = rows[touched].assign(__value=wanted[touched].astype(str))
    for name in derived:
        if name not in numbers:
            out[name] = out[name].astype(object).mask(touched, _text_of(name, feature, wanted, known))
            continue
        if name == feature:
            out.loc[touched, name] = pd.to_numeric(wanted[touched], errors="coerce")
            continue
        filled = np.full(int(touched.sum()), np.nan)
        for keys in ([columns.request], [columns.member] if columns.member else [], []):
            by = [*keys, "__value"]
            means = known.groupby(by, observed=True)[name].mean().rename("__mean").reset_index()
            found = asked[by].merge(means, on=by, how="left")["__mean"].to_numpy(np.float64)
            filled = np.where(np.isfinite(filled), filled, found)
        known_now = np.isfinite(filled)
        out.loc[touched, name] = np.where(known_now, filled, out.loc[touched, name])
    return out


def _text_of(name: str, feature: str, wanted: pd.Series, known: pd.DataFrame) -> pd.Series:
    """(rows,) the text that a feature should hold: the value itself, or what most often goes with it."""
    if name == feature:
        return wanted
    held = known[known[name].notna()]
    most = held.groupby("__value")[name].agg(lambda texts: texts.mode().iloc[0])
    return wanted.map(most.to_dict())
