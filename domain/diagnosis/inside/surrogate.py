"""
A local surrogate of a model that can only be called: a sparse sum over features that gives its scores around
the items concerned, and how far that can be believed.

    a candidate concerned · a comparable one      each feature is one's or the other's, at random
        │ the model's score of every such mixture, less that of the candidate concerned
        ▼
    ridge on what was changed, near mixtures weighing more      fitted on three quarters of the candidates
        ▼
    R² on the mixtures of the other candidates: whether any sum of features says what the model does there

Source:
    Ribeiro, Singh & Guestrin (2016), "Why should I trust you?", KDD; mixtures with a real row instead of
    values drawn by themselves. Screening: Fan & Lv (2008), J. R. Stat. Soc. B 70(5).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.linear_model import RidgeCV

from domain.diagnosis.inside.nearby import NEARBY, nearby
from domain.diagnosis.replay import Scorer
from domain.errors import TooFewRows
from domain.prediction.neighbours import is_numeric, nearest, robust_centre

ROWS = 40  # candidates concerned
COMPARABLES = 5  # of each, the nearest
POOL = 400  # other candidates among which these are looked for
MIXTURES = 25  # of each candidate concerned
BENDS = (0.25, 0.5, 0.75)  # quantiles of a number at which its slope may change, where features are few
HELD_OUT = 4  # one candidate in so many, with all its mixtures, is not fitted on
LEAST = 8  # candidates on a side
WIDTH = 0.5  # of the kernel, in the share of features that were changed
SCREENED = 200  # columns that are fitted at all: those most closely related to the score
SPARSE = 10  # features that are kept
MOST_VALUES = 20  # of a text
PENALTIES = tuple(np.logspace(-3, 3, 7))
TRUSTED = 0.6  # R² on what was held out, below which it says nothing; judgement

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Surrogate:
    """
    `pulls`: (feature, what its own value adds over the comparable ones' on average), the most negative first,
    in the model's unit. `fidelity` is R² on `held_out` mixtures of the model, at most 1 and below 0 where the
    mean predicts better; `gap` the mean score of those concerned less that of their comparables.
    """

    pulls: tuple[tuple[str, float], ...]
    gap: float
    fidelity: float
    held_out: int
    mixtures: int

    @property
    def trusted(self) -> bool:
        """Whether what it says of the features is what the model does."""
        return self.fidelity >= TRUSTED


def surrogate_of(
    model: Scorer, concerned: pd.DataFrame, others: pd.DataFrame, features: Sequence[str], *, seed: int = 0
) -> Surrogate:
    """
    Args:
        concerned, others: candidates with `features`, in the model's order.

    Raises:
        TooFewRows: fewer than 8 candidates on a side, or the model gives them all one score.
        SourceError: the model cannot be asked.
    """
    names = list(features)
    if min(len(concerned), len(others)) < LEAST:
        raise TooFewRows(f"{len(concerned)} candidates concerned and {len(others)} others: {LEAST} needed")
    chance = np.random.default_rng(seed)
    mine = concerned[names].sample(min(ROWS, len(concerned)), random_state=seed)
    pool = others[names].sample(min(POOL, len(others)), random_state=seed)
    near = nearest(mine, pool, nearby(names, chance), COMPARABLES)
    both = pd.concat([mine, pool], ignore_index=True)
    own = np.repeat(np.arange(len(mine)), MIXTURES)
    theirs = len(mine) + near[own, chance.integers(0, near.shape[1], len(own))]
    swapped = chance.random((len(own), len(names))) < chance.random((len(own), 1))
    scores = model.score(_mixed(both, np.where(swapped, theirs[:, None], own[:, None])))
    ends = model.score(both)
    away = np.asarray(scores - ends[own], np.float64)
    if not np.ptp(scores) > 0:
        raise TooFewRows("the model gives all candidates around them the same score")
    weights = np.exp(-((swapped.mean(axis=1) / WIDTH) ** 2) / 2)
    columns, of = _columns(both)
    changed = np.where(swapped[:, of], columns[theirs] - columns[own], 0.0)
    fitted = own % HELD_OUT > 0
    places, slopes = _sparse(changed[fitted], away[fitted], weights[fitted], of)
    said = changed[~fitted][:, places] @ slopes
    pull = -((columns[theirs] - columns[own])[:, places] * slopes).mean(axis=0)
    pulls = pd.Series(pull).groupby([names[one] for one in of[places]]).sum().sort_values(kind="stable")
    return Surrogate(
        pulls=tuple((str(name), float(part)) for name, part in pulls.items()),
        gap=float((ends[own] - ends[theirs]).mean()),
        fidelity=_explained(away[~fitted], said, weights[~fitted]),
        held_out=int((~fitted).sum()),
        mixtures=len(own),
    )


def _mixed(both: pd.DataFrame, source: Places) -> pd.DataFrame:
    """(rows,) each feature from the row of `both` that `source`, (rows, features), names."""
    return pd.DataFrame(
        {
            name: both[name].take(source[:, place]).reset_index(drop=True)
            for place, name in enumerate(map(str, both))
        }
    )


def _columns(both: pd.DataFrame) -> tuple[Floats, Places]:
    """
    (rows, columns) what the surrogate sees of the features, and (columns,) which feature each is of.

    A number is in spreads and may bend, and whether it is set is a column of its own; a text is a column for
    each of its most common values. A feature that is the same in all rows has none.
    """
    found, of = list[Floats](), list[int]()
    bends = BENDS if both.shape[1] <= NEARBY else ()
    for place, name in enumerate(both):
        own = [one for one in _of_feature(both[name], bends) if np.ptp(one) > 0]
        found += own
        of += [place] * len(own)
    if not found:
        raise TooFewRows("they do not differ from comparable candidates in any feature")
    return np.column_stack(found), np.array(of, dtype=np.intp)


def _of_feature(values: pd.Series, bends: Sequence[float]) -> list[Floats]:
    unset: Floats = values.isna().to_numpy().astype(np.float64)
    if is_numeric(values):
        numbers = values.to_numpy(np.float64, na_value=np.nan)
        middle, spread = robust_centre(numbers)
        if not spread > 0:
            return [unset]
        scaled = np.where(np.isfinite(numbers), (numbers - middle) / spread, 0.0)
        return [scaled, unset, *(np.maximum(scaled - at, 0.0) for at in np.quantile(scaled, bends))]
    texts = values.astype("string")
    common = texts.value_counts().index[:MOST_VALUES]
    return [unset, *((texts == one).fillna(value=False).to_numpy(np.float64) for one in common)]


def _sparse(changed: Floats, away: Floats, weights: Floats, of: Places) -> tuple[Places, Floats]:
    """The columns of the few features that move the score most, and what each moves it by."""
    norm = np.sqrt(weights @ changed**2)
    along = np.abs((weights * away) @ changed) / np.where(norm > 0, norm, np.inf)
    places = np.sort(np.argsort(-along, kind="stable")[:SCREENED])
    moved = np.abs(changed[:, places] * _ridge(changed[:, places], away, weights))
    by_feature = pd.Series(moved.mean(axis=0)).groupby(of[places]).sum()
    kept = by_feature.sort_values(ascending=False, kind="stable").index[:SPARSE]
    places = places[np.isin(of[places], kept)]
    return places, _ridge(changed[:, places], away, weights)


def _ridge(changed: Floats, away: Floats, weights: Floats) -> Floats:
    """(columns,) slopes through the candidate itself: where nothing is changed, nothing moves."""
    model = RidgeCV(alphas=PENALTIES, fit_intercept=False).fit(changed, away, sample_weight=weights)
    return np.asarray(model.coef_, np.float64)


def _explained(seen: Floats, said: Floats, weights: Floats) -> float:
    """R², weighted; 0 where nothing varies."""
    around = seen - np.average(seen, weights=weights)
    total = float(weights @ around**2)
    return 1 - float(weights @ (seen - said) ** 2) / total if total > 0 else 0.0
