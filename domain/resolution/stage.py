"""Logged traffic as it is, and as it would be without the fault; a hotfix is priced between the two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

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
from domain.errors import TooFewRows

ENOUGH_REQUESTS = 150  # since the onset; with fewer, the fault is put upon healthy traffic
LEAST_REQUESTS = 30


@dataclass(frozen=True)
class Stage:
    """
    Args:
        concerned: rows of the items concerned.
        now, ideal: scores with and without the fault; `ideal` is also what plays are valued with.
        pool: where values of derived features are looked up.
        derived: model features made from the faulty feature.
        goal: exposures of the items concerned over all requests without the fault, weighted.
        basis: how the numbers come about, in words.
    """

    traffic: Traffic
    concerned: Bools
    now: Floats
    ideal: Floats
    pool: pd.DataFrame
    feature: str | None
    derived: tuple[str, ...]
    faulty_rows: pd.DataFrame
    goal: float
    basis: str


def set_stage(  # noqa: PLR0913 (each is read from another table)
    candidates: pd.DataFrame,
    before: pd.DataFrame,
    columns: CandidateColumns,
    model: Scorer,
    items: Sequence[str],
    *,
    feature: str | None,
    former: Mapping[str, str],
    change: float,
) -> Stage:
    """
    The traffic that hotfixes are priced on.

    Args:
        candidates, before: logged since the onset and before it.
        feature: the raw feature that is at fault, with each item's `former` value; null where none is.
        change: of the metric against its expectation (−0.71 is 71 % less), used where no feature is known.

    Raises:
        TooFewRows: fewer than 30 requests with a candidate concerned.
    """
    rows, simulate = _priced_on(candidates, before, columns, feature)
    traffic = load_traffic(rows, columns, model)
    concerned = traffic.rows[columns.item].astype(str).isin(set(items)).to_numpy()
    if not concerned.any():
        raise TooFewRows("none of the items concerned is a candidate in the log")
    pool = pd.concat([candidates, before], ignore_index=True)
    derived = _derived(candidates, pool, columns, feature, items)
    faulty, mended = _with_and_without(traffic, concerned, pool, feature, former, derived, simulate)
    now, ideal = traffic.scores(faulty), traffic.scores(mended)
    own = concerned * traffic.row_weights
    goal = own @ traffic.exposure(ideal) if derived else own @ traffic.exposure(now) / max(1 + change, 0.02)
    what = "the fault put upon them" if simulate else "since it began"
    basis = f"replay of {traffic.request_count:,} requests{_worth(traffic)}, {what}"
    return Stage(traffic, concerned, now, ideal, pool, feature, derived, faulty, float(goal), basis)


def _priced_on(
    candidates: pd.DataFrame, before: pd.DataFrame, columns: CandidateColumns, feature: str | None
) -> tuple[pd.DataFrame, bool]:
    """Traffic since the onset, where there is enough; else healthy traffic to put the fault upon (True)."""
    since, healthy = _requests(candidates, columns), _requests(before, columns)
    simulate = feature is not None and since < ENOUGH_REQUESTS and healthy > since
    count = healthy if simulate else since
    if count < LEAST_REQUESTS:
        raise TooFewRows(f"{count} logged requests; {LEAST_REQUESTS} are needed for a replay")
    return (before if simulate else candidates), simulate


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
    """What requests say that were not all as likely to be logged, where that is less than their number."""
    worth = effective(traffic.weights)
    return f" (worth {worth:,.0f} drawn evenly)" if round(worth) < traffic.request_count else ""


def _requests(rows: pd.DataFrame, columns: CandidateColumns) -> int:
    return int(rows[columns.request].nunique()) if len(rows) else 0


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
