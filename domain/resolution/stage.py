"""Logged traffic as it is, and as it would be without the fault; a hotfix is priced between the two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from domain.diagnosis.inclusion import effective
from domain.diagnosis.replay import (
    Bools,
    CandidateColumns,
    Floats,
    Scorer,
    Traffic,
    derived_columns,
    fill_rows,
    load_traffic,
)
from domain.errors import SourceError, TooFewRows
from domain.resolution.completeness import (
    missing_candidates,
    ranking_mismatch,
    require_candidates,
    require_propensities,
)
from domain.resolution.loss import Loss, loss_by_finding, loss_by_log
from domain.resolution.off_policy import Choices
from domain.resolution.resample import resample
from domain.resolution.worth import Valued
from domain.values import Finding

ENOUGH_REQUESTS = 150  # since the onset; with fewer, the fault is simulated in healthy traffic
LEAST_REQUESTS = 30
REWARD = "__reward"
"""The column with a candidate's reward, where members' choices were read."""


@dataclass(frozen=True)
class Stage:
    """
    Args:
        concerned: rows of the items concerned; `symptom`: those of the alarm's slice, as far as the log has
            its columns.
        now, ideal: scores with and without the fault, both including what serving adds.
        pool: where values of derived features are looked up.
        derived: model features made from the faulty feature.
        loss: what the items lost; None where only the fix itself would tell.
        simulated: the fault was simulated in traffic from before it.
        weights: (1 + RESAMPLES, requests) what each request counts for, as found and resampled.
        basis: how the numbers were obtained, in words.
    """

    traffic: Traffic
    concerned: Bools
    symptom: Bools
    now: Floats
    ideal: Floats
    pool: pd.DataFrame
    feature: str | None
    derived: tuple[str, ...]
    faulty_rows: pd.DataFrame
    loss: Loss | None
    simulated: bool
    weights: Floats
    valued: Valued
    basis: str

    def valued_by(self, scores: Floats) -> Stage:
        """The same stage with `scores`, (rows,), as those without the fault."""
        plays = self.traffic.plays(scores - self.traffic.adjustment)
        return replace(self, ideal=scores, valued=replace(self.valued, plays=plays))

    def filled(self, values: Mapping[str, str]) -> Floats:
        """(rows,) scores with the faulty feature of the items in `values` set to these values."""
        rows = self.traffic.rows.assign(**{name: self.faulty_rows[name] for name in self.derived})
        columns, feature = self.traffic.columns, str(self.feature)
        return self.traffic.scores(fill_rows(rows, self.pool, columns, feature, values, self.derived))


def set_stage(  # noqa: PLR0913 (each is read from another table)
    candidates: pd.DataFrame,
    before: pd.DataFrame,
    columns: CandidateColumns,
    model: Scorer,
    items: Sequence[str],
    *,
    feature: str | None,
    former: Mapping[str, str],
    finding: Finding,
    unit: str = "choices",
    seed: int = 0,
) -> Stage:
    """
    The traffic that hotfixes are priced on.

    Args:
        candidates, before: logged since the onset and before it, with the column `REWARD` where known.
        feature: the raw feature that is at fault, with each item's `former` value; null where none is.
        finding: says what is expected where the log does not.
        unit: what is chosen, in words.

    Raises:
        TooFewRows: fewer than 30 requests with a candidate concerned.
        SourceError: the log does not hold what a replay needs: all candidates, sound probabilities.
    """
    since, usual = _loaded(candidates, columns, model), _loaded(before, columns, model)
    traffic, simulated = _priced_on(since, usual, items, feature)
    concerned = _rows_of(traffic, items)
    if not concerned.any():
        raise TooFewRows("none of the items concerned is a candidate in the log")
    if mismatch := ranking_mismatch(traffic, concerned):
        raise SourceError(mismatch)
    weights = resample(traffic.members, traffic.weights, seed)
    loss = None if simulated or usual is None else _loss_by_log(usual, traffic, items, weights)
    pool = pd.concat([candidates, before], ignore_index=True)
    derived = _derived(candidates, pool, columns, feature, items)
    faulty, repaired = _with_and_without(traffic, concerned, pool, feature, former, derived, simulated)
    now, ideal = traffic.scores(faulty), traffic.scores(repaired)
    what = "the fault put upon them" if simulated else "since it began"
    return Stage(
        traffic=traffic,
        concerned=concerned,
        symptom=_symptom(traffic, finding, concerned),
        now=now,
        ideal=ideal,
        pool=pool,
        feature=feature,
        derived=derived,
        faulty_rows=faulty,
        loss=loss or loss_by_finding(finding),
        simulated=simulated,
        weights=weights,
        valued=Valued(traffic, traffic.plays(ideal - traffic.adjustment), _choices(traffic), unit),
        basis=f"replay of {traffic.request_count:,} requests{_worth(traffic)}, {what}",
    )


def _loaded(rows: pd.DataFrame, columns: CandidateColumns, model: Scorer) -> Traffic | None:
    """The traffic ready for replay, if the log can be replayed at all; None where there are no rows."""
    if not len(rows):
        return None
    traffic = load_traffic(rows, columns, model)
    require_propensities(traffic)
    require_candidates(traffic)
    return traffic


def _priced_on(
    since: Traffic | None, usual: Traffic | None, items: Sequence[str], feature: str | None
) -> tuple[Traffic, bool]:
    """
    Traffic since the onset, where there is enough and the items are in it as before; else healthy traffic to
    simulate the fault in (True), where it is known how.
    """
    count, healthy = (part.request_count if part else 0 for part in (since, usual))
    if feature is not None and count < ENOUGH_REQUESTS and healthy > count:
        since = None
    elif since is not None and usual is not None and healthy >= LEAST_REQUESTS:
        gone = missing_candidates(usual, _rows_of(usual, items), since, _rows_of(since, items))
        if gone and (feature is None or healthy <= count):
            raise SourceError(gone)
        since = None if gone else since
    traffic = usual if since is None else since
    if traffic is None or traffic.request_count < LEAST_REQUESTS:
        found = traffic.request_count if traffic else 0
        raise TooFewRows(f"{found} logged requests; {LEAST_REQUESTS} are needed for a replay")
    if since is None and feature is None:
        raise TooFewRows(f"{count} logged requests since it began; {LEAST_REQUESTS} are needed for a replay")
    return traffic, since is None


def _symptom(traffic: Traffic, finding: Finding, concerned: Bools) -> Bools:
    """Rows of the alarm's slice, by its columns that are in the log; those of the items if none is."""
    named = [(name, value) for name, value in finding.slice if name in traffic.rows]
    if not named:
        return concerned
    held = [np.asarray(traffic.rows[name].astype(str) == value, np.bool_) for name, value in named]
    return np.asarray(np.logical_and.reduce(held), np.bool_)


def _loss_by_log(usual: Traffic, since: Traffic, items: Sequence[str], weights: Floats) -> Loss | None:
    if usual.request_count < LEAST_REQUESTS:
        return None
    return loss_by_log(usual, _rows_of(usual, items), since, _rows_of(since, items), weights)


def _choices(traffic: Traffic) -> Choices | None:
    """What members chose in the traffic; None where that, or what they were shown, is not known."""
    rows, columns = traffic.rows, traffic.columns
    if REWARD not in rows or columns.shown is None or columns.shown not in rows:
        return None
    shown = traffic.shown()
    rewards = np.where(shown > 0, np.nan_to_num(rows[REWARD].to_numpy(np.float64)), 0.0)
    return Choices(shown, rewards, traffic.propensities, traffic.requests)


def _rows_of(traffic: Traffic, items: Sequence[str]) -> Bools:
    return traffic.rows[traffic.columns.item].astype(str).isin(set(items)).to_numpy()


def _with_and_without(
    traffic: Traffic,
    concerned: Bools,
    pool: pd.DataFrame,
    feature: str | None,
    former: Mapping[str, str],
    derived: tuple[str, ...],
    simulate: bool,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The model's input with the fault and without it; one of them is what was logged."""
    logged = traffic.rows[list(traffic.columns.features)]
    if feature is None or not derived:
        return logged, logged
    if not simulate:
        return logged, fill_rows(traffic.rows, pool, traffic.columns, feature, former, derived)
    faulty = logged.copy()
    faulty[list(derived)] = faulty[list(derived)].astype(float)
    faulty.loc[concerned, list(derived)] = np.nan
    return faulty, logged


def _worth(traffic: Traffic) -> str:
    """How much unequally sampled requests are worth, in words, where that is less than their number."""
    worth = effective(traffic.weights)
    return f" (worth {worth:,.0f} drawn evenly)" if round(worth) < traffic.request_count else ""


def _derived(
    candidates: pd.DataFrame,
    pool: pd.DataFrame,
    columns: CandidateColumns,
    feature: str | None,
    items: Sequence[str],
) -> tuple[str, ...]:
    if feature is None:
        return ()
    rows = candidates if len(candidates) else pool
    return derived_columns(rows, columns, feature, rows[columns.item].astype(str).isin(set(items)).to_numpy())
