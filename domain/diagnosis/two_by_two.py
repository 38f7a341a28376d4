"""
What changed for a slice: what goes into the model, the model, serving, ranking, or the logging.

The previous model is run on today's input, and today's model on the previous one. What the input alone
changes, what the model alone does, and what only both together do add up to the change in what the models
compute; serving is what was logged beyond that, ranking what was shown beyond what was logged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from domain.diagnosis.inclusion import mean_of
from domain.diagnosis.replay import CandidateColumns, Scorer, Traffic, load_traffic, unit_of
from domain.diagnosis.rerun.agreement import agree
from domain.diagnosis.rerun.interval import FEW, LEVEL, draws
from domain.diagnosis.rerun.rerun import Models
from domain.diagnosis.rerun.scores import LEAST_SHARE
from domain.diagnosis.rerun.values import Rerun
from domain.errors import TooFewRows
from domain.values import Slice, name_slice

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Name = Literal["input", "model", "interaction", "serving", "ranking", "logging", "model or serving"]
MOVES: tuple[Name, ...] = ("input", "model", "serving", "ranking", "logging")


@dataclass(frozen=True)
class Part:
    """
    One part of a change, with 95 % intervals over requests; `exact`: it is nothing, bit for bit.

    `share` is of the whole change, which parts that work against each other may exceed; none where it is not
    certain that there was a change.
    """

    name: Name
    change: float
    low: float
    high: float
    share: float | None = None
    share_low: float | None = None
    share_high: float | None = None
    exact: bool = False


@dataclass(frozen=True)
class TwoByTwo:
    """
    A change split: from `before` to `now`, in `unit` a request.

    `previous` is the former model's version; none where it is not kept, so that model and serving are one
    part. `same` says that no other model scored before.
    """

    where: Slice
    unit: str
    requests: int
    requests_before: int
    before: float
    now: float
    low: float
    high: float
    parts: tuple[Part, ...]
    previous: str | None
    same: bool

    @property
    def leading(self) -> Part | None:
        """The part that moves most in the direction of the change; none where chance may do as much."""
        way = np.sign(self.now - self.before)
        sure = [one for one in self.parts if one.name in MOVES and (one.low > 0 or one.high < 0)]
        along = [one for one in sure if np.sign(one.change) == way]
        return max(along or sure, key=lambda one: abs(one.change), default=None)

    @property
    def words(self) -> str:
        """One sentence."""
        of = f" of {name_slice(self.where)}" if self.where else ""
        parts = ", ".join(_said(one) for one in self.parts)
        unkept = ""
        if self.previous is None:
            unkept = "; the previous model is not kept, so it cannot be separated from serving"
        return (
            f"Of the change of {self.unit}{of} a request ({self.before:,.3g} → {self.now:,.3g} "
            f"[{self.low:+.2g} to {self.high:+.2g}]): {parts}{unkept}"
        )


def split_change(
    rows: pd.DataFrame,
    before: pd.DataFrame,
    columns: CandidateColumns,
    models: Models,
    where: Slice,
    *,
    missing: tuple[int, int] | None = None,
    seed: int = 0,
) -> TwoByTwo:
    """
    Split what changed for the slice `where` since the onset.

    Args:
        rows, before: candidates since the onset, and from before it.
        missing: requests of the slice that the finding's table lacks beyond what is usual, and out of how
            many.

    Raises:
        TooFewRows: fewer than 12 requests on a side, or none of the slice.
    """
    new, old = _model_of(rows, columns, models), _model_of(before, columns, models)
    if new is None:
        raise TooFewRows("the model that scored since it began is not at hand")
    now, past = load_traffic(rows, columns, new[1]), load_traffic(before, columns, new[1])
    inside, inside_past = _inside(now, where), _inside(past, where)
    if not (inside.any() and inside_past.any()):
        raise TooFewRows(f"no candidate of {name_slice(where)} was logged on both sides")
    temperature = past.temperature if past.temperature is not None else now.temperature
    now, past = replace(now, temperature=temperature), replace(past, temperature=temperature)
    by_item = _within_requests(now, inside)
    today = _measures(now, inside, new[1], old[1] if old else None, by_item)
    then = _measures(past, inside_past, new[1], old[1] if old else None, by_item)
    if min(len(today["now"]), len(then["now"])) < FEW:
        raise TooFewRows(f"fewer than {FEW} logged requests of {name_slice(where)} on a side")
    split = _parts(today, then, missing, seed)
    return TwoByTwo(
        where=where,
        unit=_unit(columns, new[1], by_item),
        requests=len(today["now"]),
        requests_before=len(then["now"]),
        before=mean_of(then["last"], then["weight"])[0],
        now=split.now,
        low=split.low,
        high=split.high,
        parts=split.parts,
        previous=old[0] if old else None,
        same=old is not None and old[1] is new[1],
    )


def _unit(columns: CandidateColumns, model: Scorer, by_item: bool) -> str:
    """What is measured of a request: how often the slice is shown, or what the model predicts of it."""
    if by_item:
        return "exposures"
    predicts_choices = columns.shown is not None or model.kind == "log_odds"
    return "predicted choices" if predicts_choices else "predicted score"


def missing_of(found: Rerun, table: str, where: Slice) -> tuple[int, int] | None:
    """Requests that `table` lacks beyond what is usual, and out of how many, in a slice or all around it."""
    lost = [
        one
        for one in found.of("logging")
        if one.column == table and one.where is not None and set(one.where) <= set(where)
    ]
    return (round(max(lost[0].size, 0.0) * lost[0].rows), lost[0].rows) if lost else None


def _model_of(rows: pd.DataFrame, columns: CandidateColumns, models: Models) -> tuple[str, Scorer] | None:
    """The model that gave most of these scores, by its version or else because it gives them."""
    version = columns.version
    if version is not None and version in rows and rows[version].notna().any():
        named = str(rows[version].astype("string").mode().iloc[0])
        if named in models.by_version:
            return named, models.by_version[named]
    coarse = rows[columns.score].dtype != np.float64
    shares: dict[str, float] = {}
    for name, model in models.by_version.items():
        scores = {"": model.score(rows[list(columns.features)])}
        found = agree(rows[columns.score], scores, model.kind, coarse=coarse)
        shares[name] = float(found.agrees.mean())
    best = max(shares, key=lambda name: shares[name], default=None)
    return (best, models.by_version[best]) if best is not None and shares[best] > LEAST_SHARE else None


def _inside(traffic: Traffic, where: Slice) -> Bools:
    inside = np.ones(len(traffic.rows), dtype=bool)
    for name, value in where:
        if name in traffic.rows:
            inside &= (traffic.rows[name].astype("string") == value).fillna(False).to_numpy(dtype=bool)
    return inside


def _within_requests(traffic: Traffic, inside: Bools) -> bool:
    """Whether the slice tells candidates of one request apart; else all of a request are in it, or none."""
    sizes, own = traffic.per_request(np.ones(len(inside))), traffic.per_request(inside.astype(float))
    return bool(np.any((own > 0) & (own < sizes)))


def _measures(
    traffic: Traffic, inside: Bools, new: Scorer, old: Scorer | None, by_item: bool
) -> dict[str, Floats]:
    """
    What is measured of each request, (requests,): by the model of "now" and of "then", as "logged", as
    "shown", and the "last" of these that exists; and the request's "weight".
    """
    features = traffic.rows[list(traffic.columns.features)]
    logged = unit_of(new, traffic.rows[traffic.columns.score].to_numpy(np.float64))
    scores = {"now": new.score(features), "logged": np.nan_to_num(logged)}
    if old is not None:
        scores["then"] = scores["now"] if old is new else old.score(features)
    rests = {
        name: np.abs(scores["logged"] - found) <= 1e-4 * (1 + np.abs(found))
        for name, found in scores.items()
        if name != "logged"
    }
    for name, same in rests.items():  # the last digits are no change
        scores["logged"] = np.where(same, scores[name], scores["logged"])
    found = {name: _measure(traffic, inside, one, by_item) for name, one in scores.items()}
    shown = traffic.columns.shown
    if by_item and shown is not None and shown in traffic.rows and traffic.rows[shown].any():
        found["shown"] = traffic.per_request(inside * traffic.rows[shown].astype(float).to_numpy())
    kept = traffic.per_request(inside.astype(float)) > 0 if not by_item else slice(None)
    found["last"] = found.get("shown", found["logged"])
    found["weight"] = traffic.weights
    return {name: values[kept] for name, values in found.items()}


def _measure(traffic: Traffic, inside: Bools, scores: Floats, by_item: bool) -> Floats:
    chance = traffic.exposure(scores)
    return traffic.per_request(inside * (chance if by_item else chance * traffic.plays(scores)))


@dataclass(frozen=True)
class _Split:
    now: float
    low: float
    high: float
    parts: tuple[Part, ...]


def _parts(
    today: Mapping[str, Floats], then: Mapping[str, Floats], missing: tuple[int, int] | None, seed: int
) -> _Split:
    drawn = _Drawn(today, then, seed)
    changes: dict[Name, Floats] = {}
    if "then" in today:
        changes["input"] = drawn.today("then") - drawn.then("then")
        changes["model"] = drawn.then("now") - drawn.then("then")
        changes["interaction"] = (
            drawn.today("now") - drawn.today("then") - drawn.then("now") + drawn.then("then")
        )
        changes["serving"] = drawn.today("logged", "now") - drawn.then("logged", "then")
    else:
        changes["input"] = drawn.today("now") - drawn.then("now")
        changes["model or serving"] = drawn.today("logged", "now") - drawn.then("logged", "now")
    if "shown" in today and "shown" in then:
        changes["ranking"] = drawn.today("shown", "logged") - drawn.then("shown", "logged")
    last = drawn.today("last")
    if missing is not None:
        changes["logging"] = -drawn.share(*missing) * last
        last = last + changes["logging"]
    total = last - drawn.then("last")
    low, high = _ends(total[1:])
    certain = low > 0 or high < 0
    parts = tuple(_part(name, change, total, certain) for name, change in changes.items())
    return _Split(float(last[0]), low, high, parts)


class _Drawn:
    """Means of what is measured, as found (the first) and as resampled by request."""

    def __init__(self, today: Mapping[str, Floats], then: Mapping[str, Floats], seed: int) -> None:
        self._sides = {"today": today, "then": then}
        self._weights = {
            name: _means_of(side["weight"], seed + place)
            for place, (name, side) in enumerate(self._sides.items())
        }
        self._chance = np.random.default_rng(seed + 2)

    def today(self, name: str, less: str | None = None) -> Floats:
        return self._mean("today", name, less)

    def then(self, name: str, less: str | None = None) -> Floats:
        return self._mean("then", name, less)

    def share(self, missing: int, whole: int) -> Floats:
        """Jeffreys' posterior of a share; the first is the share itself."""
        count = len(self._weights["today"]) - 1
        drawn = self._chance.beta(missing + 0.5, whole - missing + 0.5, count)
        return np.concatenate([[missing / whole], drawn])

    def _mean(self, side: str, name: str, less: str | None) -> Floats:
        values = self._sides[side][name]
        if less is not None:
            values = values - self._sides[side][less]
        return np.asarray(self._weights[side] @ values)


def _means_of(weights: Floats, seed: int) -> Floats:
    """(1 + draws, requests) what multiplies each request's value in the mean, as found and as resampled."""
    drawn = np.vstack([np.ones(len(weights)), draws(len(weights), seed)]) * weights
    return np.asarray(drawn / drawn.sum(axis=1, keepdims=True))


def _part(name: Name, change: Floats, total: Floats, certain: bool) -> Part:
    low, high = _ends(change[1:])
    if not np.any(change):
        return (
            Part(name, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, exact=True)
            if certain
            else Part(name, 0, 0, 0, exact=True)
        )
    if not certain:
        return Part(name, float(change[0]), low, high)
    share_low, share_high = _ends(change[1:] / total[1:])
    return Part(name, float(change[0]), low, high, float(change[0] / total[0]), share_low, share_high)


def _ends(values: Floats) -> tuple[float, float]:
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def _said(one: Part) -> str:
    if one.exact:
        return f"{one.name} nothing, bit for bit"
    if one.share is None or one.share_low is None or one.share_high is None:
        return f"{one.name} {one.change:+.3g} [{one.low:+.2g} to {one.high:+.2g}]"
    if one.share_low == one.share_high:
        return f"{one.name} all of it"
    return f"{one.name} {100 * one.share:.0f} % [{100 * one.share_low:.0f}–{100 * one.share_high:.0f}]"
