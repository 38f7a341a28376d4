"""
A request that was logged, run again.

With the model that served it and the features that were logged it must give the logged score to the bit.
Where it does not, one of its steps did something other than its input says: that step is found, and its
effect measured, by slice and by version of the model. The difference is evidence of its own, and is not
absorbed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from domain.diagnosis.inclusion import weights_of
from domain.diagnosis.replay import CandidateColumns, Scorer
from domain.diagnosis.rerun.agreement import Agreement, Scores, agree, best_readings
from domain.diagnosis.rerun.features import feature_differences, of_other_kind
from domain.diagnosis.rerun.interval import Drawn
from domain.diagnosis.rerun.place import dimensions_of
from domain.diagnosis.rerun.presence import Presence, missing_requests
from domain.diagnosis.rerun.ranking import Ranked, expected_exposure, ranking_differences
from domain.diagnosis.rerun.scores import (
    Scored,
    another_model,
    best_version,
    is_right_model,
    serving_differences,
)
from domain.diagnosis.rerun.values import Rerun, StepDifference
from domain.errors import TooFewRows

PROBED = 50  # requests computed by themselves in every arithmetic, to see which it was
CURRENT = "current"  # the version of a file of which nothing says what it is


class Recomputing(Scorer, Protocol):
    """A model that gives its scores in every arithmetic that a log may hold."""

    def readings(
        self,
        features: pd.DataFrame,
        requests: npt.NDArray[np.intp] | None = None,
        only: Collection[str] | None = None,
    ) -> Mapping[str, Scores]:
        """
        How it was computed → (rows,). Names that begin with "chance" are probabilities.

        Args:
            requests: (rows,) rows of one request are computed together; all at once if None.
            only: the names that are asked for; all if not given.
        """
        ...


@dataclass(frozen=True)
class Logged:
    """
    What was logged, and what it is compared with.

    Args:
        rows: candidates, one row each; `before` those from before the onset.
        dimensions: columns of `rows` that a difference may lie in, besides the features.
        version: the column with the version of the model that scored.
        held: (rows,) what the store held for the moment of each row, columns by the name that they are logged
            under; `held_earlier` what it held before that, `held_before` the same for the rows of `before`.
        presence: requests of one table beside those of another.
    """

    rows: pd.DataFrame
    columns: CandidateColumns
    dimensions: tuple[str, ...] = ()
    version: str | None = None
    before: pd.DataFrame | None = None
    held: pd.DataFrame | None = None
    held_earlier: pd.DataFrame | None = None
    held_before: pd.DataFrame | None = None
    presence: tuple[Presence, ...] = ()


@dataclass(frozen=True)
class Models:
    """
    Version → model; `current` is that of the file at hand, which runs the rows of versions without a model of
    their own. It is absent where that file could not be loaded.
    """

    by_version: Mapping[str, Scorer]
    current: str = CURRENT

    def of(self, version: str | None) -> Scorer | None:
        """The model for rows of a version."""
        return self.by_version.get(version or self.current, self.by_version.get(self.current))


@dataclass
class _Found:
    """What a pass over the versions of one log has found so far."""

    differences: list[StepDifference] = field(default_factory=list)
    versions: list[str] = field(default_factory=list)
    identical: list[npt.NDArray[np.bool_]] = field(default_factory=list)
    agrees: list[npt.NDArray[np.bool_]] = field(default_factory=list)
    requests: list[npt.NDArray[Any]] = field(default_factory=list)
    readings: list[str] = field(default_factory=list)
    right: int = 0


def rerun(logged: Logged, models: Models, seed: int = 0) -> Rerun:
    """
    Run logged requests again. Where no model could be loaded, the scores are left out and all else is
    reported.

    Raises:
        TooFewRows: nothing was logged.
    """
    if not len(logged.rows):
        raise TooFewRows("no logged candidates to run again")
    found = _scores(logged, logged.rows, models, seed)
    past = None
    if logged.before is not None and len(logged.before):
        past = _scores(logged, logged.before, models, seed)
    refused = _refusal(found, past)
    for one in (found, past) if past is not None else (found,):
        one.differences = [_unkept(each, models, found, past) for each in one.differences]
    scored = found.differences if past is None else [_beside(one, past) for one in found.differences]
    differences = (*_features(logged, seed), *scored, *_ranking(logged))
    missing = [one for presence in logged.presence for one in missing_requests(presence)]
    requests = pd.Series(np.concatenate(found.requests))
    identical = pd.Series(np.concatenate(found.identical)).groupby(requests).all()
    agrees = pd.Series(np.concatenate(found.agrees)).groupby(requests).all()
    return Rerun(
        requests=len(identical),
        identical=int(identical.sum()),
        differences=(*differences, *missing),
        rounded=int((agrees & ~identical).sum()),
        reading="; ".join(dict.fromkeys(found.readings)),
        refused=refused,
        versions=tuple(found.versions),
    )


def _scores(logged: Logged, rows: pd.DataFrame, models: Models, seed: int) -> _Found:
    """Every version's rows, with its own model where it is kept."""
    found = _Found()
    named = rows[logged.version].astype(str) if logged.version and logged.version in rows else None
    for version in [None] if named is None else list(named.value_counts().index):
        part = rows if named is None else rows[named == version]
        part = part.reset_index(drop=True)
        found.requests.append(part[logged.columns.request].to_numpy())
        model = models.of(version)
        if model is None:
            nothing = np.zeros(len(part), dtype=bool)
            found.identical.append(nothing)
            found.agrees.append(nothing)
            continue
        scored = _scored(logged, part, model, version)
        _judge(found, logged, scored, part, models, seed)
        found.identical.append(scored.agreement.identical)
        found.agrees.append(scored.agreement.agrees)
    return found


def _scored(logged: Logged, part: pd.DataFrame, model: Scorer, version: str | None) -> Scored:
    columns = logged.columns
    texts, _ = dimensions_of(part, logged.dimensions, columns.features)
    requests = pd.factorize(part[columns.request])[0].astype(np.intp)
    unit = "log-odds" if model.kind == "log_odds" else "of score"
    agreement = _agreement(part, columns, model, requests)
    weights = weights_of(part, requests, columns.inclusion)[requests]
    return Scored(version, agreement, texts, requests, part[columns.item], unit, weights, columns.features)


def _agreement(
    part: pd.DataFrame, columns: CandidateColumns, model: Scorer, requests: npt.NDArray[np.intp]
) -> Agreement:
    """All rows at once; where that differs in the last digits, request by request as it was served."""
    features, logged = part[list(columns.features)], part[columns.score]
    coarse = any(features[name].dtype == np.float32 for name in features)
    readings = getattr(model, "readings", None)
    if readings is None:
        return agree(logged, {"": model.score(features)}, model.kind, coarse=coarse)
    at_once = readings(features)
    whole = agree(logged, at_once, model.kind, coarse=coarse)
    near = np.unique(requests[whole.agrees & ~whole.identical])
    if not len(near):
        return whole
    few = np.isin(requests, near[:PROBED])
    probed = readings(features[few], requests[few])
    if _identical(agree(logged[few], probed, model.kind, coarse=coarse)) <= int(whole.identical[few].sum()):
        return whole
    only = best_readings(logged[few], probed, model.kind, coarse=coarse)
    some = np.isin(requests, near)
    apart = {name: np.array(at_once[name]) for name in only}
    for name, scores in readings(features[some], requests[some], only).items():
        apart[name][some] = scores
    single = agree(logged, apart, model.kind, coarse=coarse)
    if _identical(single) > _identical(whole):
        return replace(single, reading=f"{single.reading}, request by request")
    return whole


def _identical(one: Agreement) -> int:
    return int(one.identical.sum())


def _judge(
    found: _Found,
    logged: Logged,
    scored: Scored,
    part: pd.DataFrame,
    models: Models,
    seed: int,
) -> None:
    """Whether its model scored them; if so what serving did to the scores, if not which model did."""
    version = scored.version or models.current
    if is_right_model(scored):
        found.versions.append(version)
        found.right += len(part)
        found.readings.append(scored.agreement.reading)
        found.differences += serving_differences(scored, seed)
        return
    others = {
        name: _agreement(part, logged.columns, model, scored.requests)
        for name, model in models.by_version.items()
        if name != version
    }
    found.differences.append(another_model(scored, best_version(others), seed))


def _refusal(found: _Found, past: _Found | None) -> str | None:
    """Why the models at hand say nothing about what was logged."""
    if found.right or (past is not None and past.right):
        return None
    reasons = [one.words for one in found.differences if one.step == "model"]
    return "; ".join(reasons) or "no model could be loaded"


def _unkept(one: StepDifference, models: Models, found: _Found, past: _Found | None) -> StepDifference:
    """
    The difference, said otherwise where the rows are of a version without a file, and the file at hand is
    known to be of another: by its name, or because it gives the scores of that one.
    """
    own = one.step != "model" or one.version is None or one.version in models.by_version
    known = models.current != CURRENT or found.right or (past is not None and past.right)
    if own or not known:
        return one
    words = (
        f"The {one.rows:,} scores logged as scored by {one.version} cannot be computed again: its file is "
        "not kept, and the one at hand gives others"
    )
    return replace(one, unkept=True, words=words)


def _beside(one: StepDifference, past: _Found) -> StepDifference:
    """The difference with what it was before the onset: 0 where the same step did nothing in that slice."""
    same = [
        old
        for old in past.differences
        if old.step == one.step and old.where == one.where and (not one.unkept or old.version == one.version)
    ]
    return replace(one, before=same[0].size if same else 0.0)


def _features(logged: Logged, seed: int) -> tuple[StepDifference, ...]:
    if logged.held is None:
        return ()
    rows, columns, held = logged.rows.reset_index(drop=True), logged.columns, logged.held
    if logged.before is not None and logged.held_before is not None:
        held = held.drop(columns=list(of_other_kind(logged.before, logged.held_before)))
    texts, _ = dimensions_of(rows, logged.dimensions, columns.features)
    requests = pd.factorize(rows[columns.request])[0].astype(np.intp)
    return feature_differences(
        rows,
        held,
        texts,
        Drawn(requests, weights_of(rows, requests, columns.inclusion)[requests], seed),
        rows[columns.item],
        earlier=logged.held_earlier,
    )


def _ranking(logged: Logged) -> tuple[StepDifference, ...]:
    """Found by the logged scores, which needs no model; empty where the log does not say what was shown."""
    now = _ranked(logged, logged.rows)
    if now is None:
        return ()
    before = None if logged.before is None else _ranked(logged, logged.before)
    found = ranking_differences(now, before)
    # What gains took the place of what lost, and is reported with it.
    return tuple(one for one in found if one.size < 0) or found


def _ranked(logged: Logged, rows: pd.DataFrame) -> Ranked | None:
    columns = logged.columns
    if columns.shown is None or columns.shown not in rows or not rows[columns.shown].any():
        return None
    texts, _ = dimensions_of(rows, tuple(name for name in logged.dimensions if name in rows), ())
    requests = pd.factorize(rows[columns.request])[0].astype(np.intp)
    shown = rows[columns.shown].astype(bool).to_numpy()
    scores = rows[columns.score].to_numpy(dtype=np.float64, na_value=-np.inf)
    likely = columns.propensity if columns.propensity in rows else None
    chances = None if likely is None else rows[likely].to_numpy(dtype=np.float64, na_value=0.0)
    expected = expected_exposure(scores, shown, requests, chances)
    return Ranked(shown, expected, texts, requests, rows[columns.item])
