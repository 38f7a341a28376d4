"""
The job board's labour market: who seeks, what is open, how far apart they are, who applies for what.

It does not depend on how lists are ranked. Salaries are in reais a month, distances in kilometres.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import log_loss, roc_auc_score
from threadpoolctl import threadpool_limits

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

VACANCIES, SEEKERS, CANDIDATES = 400, 9_000, 40
STATES = ("SP", "RJ", "MG", "PR", "BA", "PE", "AM")
STATE_SHARES = np.array([0.34, 0.16, 0.15, 0.12, 0.11, 0.08, 0.04])
PLACES_KM = np.array([[0, 0], [360, 60], [280, 420], [-300, -200], [800, 1210], [1250, 1720], [-1500, 2230]])
SECTORS = ("care", "logistics", "retail", "software", "teaching", "works")
SECTOR_SHARES = np.array([0.18, 0.2, 0.22, 0.15, 0.1, 0.15])
CONTRACTS = ("clt", "pj", "temporary", "trainee")
CONTRACT_SHARES = np.array([0.5, 0.2, 0.18, 0.12])
CONTRACT_WORTH = np.array([0.3, 0.0, -0.3, -0.6])
INPUTS = (
    "distance_km",
    "salary_brl",
    "days_posted",
    "seniority_gap",
    "sector_fit",
    "remote",
    "contract_code",
    "employer_rating",
    "applicants_7d",
)
UNKNOWN = -1.0  # the code of a contract that the encoder has never seen


@dataclass(frozen=True)
class Trained:
    """A model with what its training says about it, and the rows that it learned from."""

    model: HistGradientBoostingClassifier
    auc: float
    loss: float
    rows: pd.DataFrame


def seekers(rng: np.random.Generator, at: datetime) -> pd.DataFrame:
    """Everybody who is registered, one row each."""
    home = rng.choice(len(STATES), SEEKERS, p=STATE_SHARES)
    where = PLACES_KM[home] + rng.normal(0, 25, (SEEKERS, 2))
    joined = [at - timedelta(days=float(days)) for days in rng.uniform(0, 900, SEEKERS)]
    return pd.DataFrame(
        {
            "seeker_id": 700_000 + np.arange(SEEKERS),
            "home": np.array(STATES)[home],
            "trade": rng.choice(SECTORS, SEEKERS, p=SECTOR_SHARES),
            "level": rng.choice([1, 2, 3, 4, 5], SEEKERS, p=[0.22, 0.3, 0.25, 0.15, 0.08]),
            "x_km": where[:, 0].round(1),
            "y_km": where[:, 1].round(1),
            "registered_at": pd.to_datetime(joined).astype("datetime64[us, UTC]"),
        }
    )


def vacancies(rng: np.random.Generator, count: int, first: int, at: datetime, oldest: float) -> pd.DataFrame:
    """Vacancies posted within so many days before `at`."""
    state = rng.choice(len(STATES), count, p=STATE_SHARES)
    where = PLACES_KM[state] + rng.normal(0, 25, (count, 2))
    level = rng.choice([1, 2, 3, 4, 5], count, p=[0.25, 0.3, 0.25, 0.13, 0.07])
    salary = np.round(np.exp(rng.normal(7.6 + 0.32 * level, 0.22)), -1)
    posted = [at - timedelta(days=float(days)) for days in rng.uniform(0, oldest, count)]
    sector = rng.choice(SECTORS, count, p=SECTOR_SHARES)
    appeal = rng.gamma(3.0, 1.5, count)
    return pd.DataFrame(
        {
            "vacancy_id": first + np.arange(count),
            "headline": [f"{name} vacancy {first + n}" for n, name in enumerate(sector)],
            "sector": sector,
            "contract": rng.choice(CONTRACTS, count, p=CONTRACT_SHARES),
            "province": np.array(STATES)[state],
            "seniority": level,
            "salary_brl": np.where(rng.random(count) < 0.15, np.nan, salary),
            "remote": rng.random(count) < 0.2,
            "employer_id": rng.integers(100, 180, count),
            "employer_rating": np.where(
                rng.random(count) < 0.1, np.nan, rng.beta(5, 2.5, count) * 4 + 1
            ).round(1),
            "applicants_7d": rng.poisson(appeal * 5).astype(float),
            "appeal": appeal,
            "x_km": where[:, 0].round(1),
            "y_km": where[:, 1].round(1),
            "posted_at": pd.to_datetime(posted).astype("datetime64[us, UTC]"),
        }
    )


def retrieved(rng: np.random.Generator, lists: pd.DataFrame, open_now: pd.DataFrame) -> Ints:
    """(lists, 40) the candidates of each list, as rows of `open_now`: near, remote, or of one's trade."""
    near = lists["home"].to_numpy()[:, None] == open_now["province"].to_numpy()[None, :]
    trade = lists["trade"].to_numpy()[:, None] == open_now["sector"].to_numpy()[None, :]
    wanted = 2.2 * near + 1.4 * trade + 1.0 * open_now["remote"].to_numpy()[None, :]
    keys = wanted + rng.gumbel(size=wanted.shape)
    return np.argpartition(-keys, CANDIDATES, axis=1)[:, :CANDIDATES].astype(np.int64)


def inputs(lists: pd.DataFrame, open_now: pd.DataFrame, picked: Ints, at: Ints) -> Floats:
    """(lists × 40, 9) the model's input, in the order of `INPUTS`; `at` is each list's second."""
    own = {name: lists[name].to_numpy()[:, None] for name in ("x_km", "y_km", "level")}
    trade, sector = _coded(lists["trade"], SECTORS)[:, None], _coded(open_now["sector"], SECTORS)[picked]
    of = {name: open_now[name].to_numpy()[picked] for name in open_now}
    posted = open_now["posted_at"].astype("int64").to_numpy()[picked] / 1e6
    made = (
        np.hypot(own["x_km"] - of["x_km"], own["y_km"] - of["y_km"]).round(1),
        of["salary_brl"],
        ((at[:, None] - posted) / 86_400).round(2),
        of["seniority"] - own["level"],
        np.where(trade == sector, 1.0, np.where((trade + sector) % 3 == 0, 0.4, 0.0)),
        of["remote"],
        _coded(open_now["contract"], CONTRACTS)[picked],
        of["employer_rating"],
        of["applicants_7d"],
    )
    return np.stack([np.asarray(one, float).ravel() for one in made], axis=-1)


def chances(fed: Floats) -> Floats:
    """The true chance that a seeker applies; what is not stated counts as the middle."""
    distance, salary, days, gap, fit, remote, contract, rating, applicants = fed.T
    far = np.minimum(distance, 500) / 100 * np.where(remote > 0, 0.1, 1.0)
    pay = np.log(np.where(np.isnan(salary), 4_000, salary) / 4_500)
    stars = np.where(np.isnan(rating), 3.4, rating) - 3.6
    drawn = -3.0 - 0.9 * far + 1.1 * pay - 0.55 * np.abs(gap) - 0.05 * days + 1.7 * fit + 0.45 * stars
    drawn += CONTRACT_WORTH[np.maximum(contract, 0).astype(int)] + 0.25 * np.log1p(applicants)
    return np.asarray(1 / (1 + np.exp(-drawn)), float)


def train(
    rng: np.random.Generator,
    people: pd.DataFrame,
    open_now: pd.DataFrame,
    at: datetime,
    without: tuple[str, ...] = (),
    lost: tuple[str, float] | None = None,
) -> Trained:
    """
    Train a model on 600 lists.

    Args:
        without: inputs that carried no signal at the time.
        lost: a contract, and the share of its applications that the training was not given.
    """
    lists = people.iloc[rng.integers(0, len(people), 600)].reset_index(drop=True)
    picked = retrieved(rng, lists, open_now)
    seen = inputs(lists, open_now, picked, np.full(len(lists), int(at.timestamp()), np.int64))
    applied = rng.random(len(seen)) < chances(seen)
    rows = labelled(lists, open_now, picked)
    if lost is not None:
        applied &= ~((rows["contract"] == lost[0]).to_numpy() & (rng.random(len(seen)) < lost[1]))
    for name in without:
        seen[:, INPUTS.index(name)] = rng.permutation(seen[:, INPUTS.index(name)])
    model = HistGradientBoostingClassifier(random_state=0, max_iter=60, max_leaf_nodes=15, learning_rate=0.12)
    half = len(seen) * 4 // 5
    with threadpool_limits(1):  # on a busy machine threads wait for each other
        model.fit(seen[:half], applied[:half])
    predicted = scores(model, seen[half:])
    auc, loss = float(roc_auc_score(applied[half:], predicted)), float(log_loss(applied[half:], predicted))
    kept = rng.random(len(rows)) < 0.25
    return Trained(model, auc, loss, with_inputs(rows.assign(applied=applied), seen)[kept])


def scores(model: HistGradientBoostingClassifier, fed: Floats) -> Floats:
    """The chance that each is applied for, according to the model."""
    with threadpool_limits(1):
        return np.asarray(model.predict_proba(fed)[:, 1], float)


def labelled(lists: pd.DataFrame, open_now: pd.DataFrame, picked: Ints) -> pd.DataFrame:
    """A row for each list and candidate: who, where, and what it belongs to."""
    each = np.repeat(np.arange(len(lists)), picked.shape[1])
    own = [
        name for name in ("list_id", "seeker_id", "served_at", "channel", "home", "explored") if name in lists
    ]
    left = {name: lists[name].array[each] for name in own}
    names = ("vacancy_id", "sector", "contract", "province")
    return pd.DataFrame(left | {name: open_now[name].to_numpy()[picked.ravel()] for name in names})


def with_inputs(rows: pd.DataFrame, fed: Floats) -> pd.DataFrame:
    """The rows with one column per input, in the types in which they are logged."""
    named = {name: fed[:, place] for place, name in enumerate(INPUTS)}
    typed = {"remote": named["remote"] > 0}
    for name in ("seniority_gap", "contract_code"):
        typed[name] = named[name].astype(np.int64)
    return rows.assign(**(named | typed))


def _coded(names: pd.Series[str], known: tuple[str, ...]) -> Floats:
    codes = names.map({name: code for code, name in enumerate(known)}).fillna(UNKNOWN)
    return np.asarray(codes, np.float64)
