"""
Launches that will be missed: a forecast of each item's first day, against what comparable items had.

The forecast learns from what was known at the same distance from past launches. An item is reported when
its forecast falls short of its comparables by more than past forecasts did.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import false_discovery_control
from sklearn.model_selection import KFold  # type: ignore[import-untyped,unused-ignore]

from domain.errors import TooFewRows
from domain.prediction.neighbours import Floats, distances, is_numeric, robust_centre
from domain.prediction.regression import Fitted, fit_counts
from domain.values import Finding, Severity

PAST_LAUNCHES = 30  # fewer say nothing about tails
COMPARABLES = 15
FOLDS = 5
SUSPECT_SPREADS = 3.5
FALSE_DISCOVERY = 0.05
LEAST_SHORTFALL = 0.5  # of what comparables had: less is not worth waking anyone for
COVERAGE = 0.9
FIRST_DAY = timedelta(days=1)


@dataclass(frozen=True)
class LaunchColumns:
    """Which column of the launch calendar holds what. `outcome` is null until the first day is over."""

    item: str
    snapshot: str
    launch: str
    outcome: str
    features: tuple[str, ...]


@dataclass(frozen=True)
class Forecast:
    """One launch: `value`, `low`, `high`, `comparable` are first-day counts; `suspects` stand out of line."""

    item: str
    launch_at: datetime
    value: float
    low: float
    high: float
    comparable: float
    comparables: tuple[str, ...]
    suspects: tuple[str, ...]
    p_value: float


@dataclass(frozen=True)
class _History:
    rows: pd.DataFrame
    target: Floats  # log1p of the first day
    shortfalls: Floats  # out-of-fold forecast minus comparables' median, log
    residuals: Floats  # |target − out-of-fold forecast|, log
    model: Fitted


def forecast_launches(
    snapshots: pd.DataFrame,
    columns: LaunchColumns,
    at: datetime,
    *,
    horizon: timedelta = timedelta(days=28),
    lead: timedelta = timedelta(days=7),
    seed: int = 0,
) -> tuple[Forecast, ...]:
    """
    Forecasts of the items that launch within `horizon` of `at`, soonest first.

    Args:
        snapshots: one row for each look at an upcoming launch; times aware UTC.
        lead: training uses what was known at least this long before each past launch.

    Returns:
        Intervals cover 90 %: split-conformal in each of five folds, pooled. `p_value` is one-sided: how
        rarely a past forecast fell as far below its comparables; past the worst tenth the tail is continued
        exponentially.

    Raises:
        TooFewRows: fewer than 30 past launches with an outcome.

    Source:
        Vovk (2015), Ann. Math. Artif. Intell. 74 (cross-conformal); Pickands (1975) (the tail).
    """
    known = snapshots[snapshots[columns.snapshot] <= at]
    upcoming = _latest(known[(known[columns.launch] > at) & (known[columns.launch] <= at + horizon)], columns)
    past = _past(known, columns, at, lead)
    if len(past) < PAST_LAUNCHES:
        raise TooFewRows(
            f"the launch calendar holds {len(past)} past launches whose first day is known; "
            f"{PAST_LAUNCHES} are needed: keep snapshots from {lead.days} days before each launch, and fill "
            f"`{columns.outcome}` afterwards"
        )
    if upcoming.empty:
        return ()
    history = _learn(past, columns, seed)
    guess = history.model.predict(upcoming)
    margin = _conformal_quantile(history.residuals)
    out_of_line = [
        suspect_features(upcoming.iloc[[place]], history.rows, columns.features)
        for place in range(len(upcoming))
    ]
    common = _in_most(out_of_line)
    found = [
        _forecast(
            upcoming.iloc[[place]],
            columns,
            history,
            float(guess[place]),
            margin,
            tuple(name for name in out_of_line[place] if name not in common),
        )
        for place in range(len(upcoming))
    ]
    return tuple(sorted(found, key=lambda forecast: (forecast.launch_at, forecast.item)))


def find_missed_launches(  # noqa: PLR0913 (words for people, by name)
    forecasts: Sequence[Forecast],
    at: datetime,
    *,
    table: str,
    titles: dict[str, str],
    noun: str = "items",
    check: str = "launch_forecast",
    lead: timedelta = timedelta(days=7),
    severity: Severity = Severity.SEV3,
) -> list[Finding]:
    """
    Predicted findings, at least `lead` ahead: even the high end of the forecast is below the comparables'
    median, the forecast at half of it or less, and the shortfall stands out with a false discovery rate of
    5 % over all upcoming launches.
    """
    if not forecasts:
        return []
    adjusted = false_discovery_control([forecast.p_value for forecast in forecasts])
    return [
        as_finding(forecast, at, table=table, titles=titles, noun=noun, check=check, severity=severity)
        for forecast, share in zip(forecasts, adjusted, strict=True)
        if share <= FALSE_DISCOVERY
        and forecast.high < forecast.comparable
        and forecast.value <= (1 - LEAST_SHORTFALL) * forecast.comparable
        and forecast.launch_at - at >= lead
    ]


def as_finding(
    forecast: Forecast,
    at: datetime,
    *,
    table: str,
    titles: dict[str, str],
    noun: str,
    check: str = "launch_forecast",
    severity: Severity = Severity.SEV3,
) -> Finding:
    """The forecast in a finding's terms; its window is the launch day."""
    days = round((forecast.launch_at - at) / timedelta(days=1))
    when = "today" if days < 1 else "tomorrow" if days == 1 else f"in {days} days"
    title = (
        f"“{titles.get(forecast.item, forecast.item)}” launches {when} to an expected {forecast.value:,.0f} "
        f"first-day impressions; comparable {noun} had {forecast.comparable:,.0f}"
    )
    return Finding(
        check=check,
        table=table,
        kind="predicted",
        subject=forecast.item,
        window_start=forecast.launch_at,
        window_end=forecast.launch_at + FIRST_DAY,
        observed=forecast.value,
        expected=forecast.comparable,
        low=forecast.low,
        high=forecast.high,
        unit="first-day impressions",
        p_value=min(forecast.p_value, 1.0),
        severity=severity,
        title=title,
    )


def suspect_features(row: pd.DataFrame, pool: pd.DataFrame, features: Sequence[str]) -> tuple[str, ...]:
    """
    Features of one row that its neighbours in all other features do not share: unset where it is always
    set, or a number more than 3.5 spreads off.
    """
    suspects = [name for name in features if row[name].isna().all() and pool[name].notna().mean() > 0.95]
    numbers = [name for name in features if name not in suspects and is_numeric(pool[name])]
    found = []
    for name in numbers:
        others = [other for other in features if other != name and other not in suspects]
        near = np.argsort(distances(row, pool, others)[0], kind="stable")[: 2 * COMPARABLES]
        middle, spread = robust_centre(pool[name].iloc[near].to_numpy(float, na_value=np.nan))
        value = float(row[name].iloc[0])
        if spread > 0 and abs(value - middle) > SUSPECT_SPREADS * spread:
            found.append(name)
    return tuple(suspects + found)


def _forecast(  # one launch; `guess` and `margin` on the logarithmic scale
    row: pd.DataFrame,
    columns: LaunchColumns,
    history: _History,
    guess: float,
    margin: float,
    suspects: tuple[str, ...],
) -> Forecast:
    near = _comparable_places(row, history.rows, columns.features, suspects)
    middle = float(np.median(history.target[near]))
    return Forecast(
        item=str(row[columns.item].iloc[0]),
        launch_at=row[columns.launch].iloc[0].floor("us").to_pydatetime(),
        value=float(np.expm1(max(guess, 0.0))),
        low=float(np.expm1(max(guess - margin, 0.0))),
        high=float(np.expm1(guess + margin)),
        comparable=float(np.expm1(middle)),
        comparables=tuple(history.rows[columns.item].iloc[near].astype(str)),
        suspects=suspects,
        p_value=_tail_share(history.shortfalls, guess - middle),
    )


def _in_most(suspects: Sequence[tuple[str, ...]]) -> set[str]:
    """What sets most launches apart (how far ahead they still are) is not what is wrong with one."""
    names = {name for some in suspects for name in some}
    count = {name: sum(name in some for some in suspects) for name in names}
    return {name for name in names if count[name] > max(1, len(suspects) // 2)}


def _comparable_places(
    row: pd.DataFrame, pool: pd.DataFrame, features: Sequence[str], suspects: Sequence[str]
) -> npt.NDArray[np.intp]:
    fair = [name for name in features if name not in suspects] or list(features)
    return np.argsort(distances(row, pool, fair)[0], kind="stable")[:COMPARABLES]


def _latest(snapshots: pd.DataFrame, columns: LaunchColumns) -> pd.DataFrame:
    ordered = snapshots.sort_values(columns.snapshot, kind="stable")
    last: pd.DataFrame = ordered.drop_duplicates(columns.item, keep="last").reset_index(drop=True)
    return last


def _past(known: pd.DataFrame, columns: LaunchColumns, at: datetime, lead: timedelta) -> pd.DataFrame:
    done = known[known[columns.launch] + FIRST_DAY <= at]
    outcomes = _latest(done[done[columns.outcome].notna()], columns).set_index(columns.item)[columns.outcome]
    early = _latest(done[done[columns.launch] - done[columns.snapshot] >= lead], columns)
    early = early[early[columns.item].isin(outcomes.index)].copy()
    early[columns.outcome] = early[columns.item].map(outcomes).astype(float)
    finite: pd.DataFrame = early[np.isfinite(early[columns.outcome].to_numpy())].reset_index(drop=True)
    return finite


def _learn(past: pd.DataFrame, columns: LaunchColumns, seed: int) -> _History:
    features = columns.features
    target = np.log1p(np.maximum(past[columns.outcome].to_numpy(np.float64), 0.0))
    guess = np.empty(len(past))
    for train, held in KFold(FOLDS, shuffle=True, random_state=seed).split(past):
        guess[held] = fit_counts(past.iloc[train], features, target[train], seed).predict(past.iloc[held])
    apart = distances(past, past, features)
    np.fill_diagonal(apart, np.inf)
    near = np.argsort(apart, axis=1, kind="stable")[:, :COMPARABLES]
    return _History(
        rows=past,
        target=target,
        shortfalls=guess - np.median(target[near], axis=1),
        residuals=np.abs(target - guess),
        model=fit_counts(past, features, target, seed),
    )


def _conformal_quantile(residuals: Floats) -> float:
    rank = min(int(np.ceil((len(residuals) + 1) * COVERAGE)), len(residuals))
    return float(np.sort(residuals)[rank - 1])


def _tail_share(shortfalls: Floats, own: float) -> float:
    """The conformal rank from below; past the worst tenth, an exponential tail with its mean excess."""
    ordered = np.sort(shortfalls)
    tail = max(5, len(ordered) // 10)
    threshold = float(ordered[tail])
    if own >= threshold:
        return float((1 + np.count_nonzero(ordered <= own)) / (len(ordered) + 1))
    scale = float(np.mean(threshold - ordered[:tail])) or 1e-9
    return float((tail + 1) / (len(ordered) + 1) * np.exp(-(threshold - own) / scale))
