"""
Whether a computed score is the logged one: to the bit, except for the last digits, or not.

It is not declared how a log holds scores: as a float of 32 or 64 bits, as a probability of the model's
log-odds, rounded to some decimals, computed request by request or many at once. Of all these readings, the
one under which most rows are the same to the bit counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import expit

from domain.diagnosis.probabilities import are_probabilities

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Scores = npt.NDArray[Any]  # of 32 or 64 bits, as computed

ROUNDED = 64.0  # units in the last place, of the largest score, that sums in another order may differ by
MOST_DECIMALS = 8
NARROW = 4  # bytes
SAMPLE = 200  # scores whose digits are looked at


@dataclass(frozen=True)
class Agreement:
    """
    Logged scores against computed ones, (rows,) each.

    `difference` is logged − computed in the model's own unit, 0 where `identical`; `agrees` allows for the
    last digits. Rows without a logged score agree with nothing.
    """

    reading: str
    identical: Bools
    agrees: Bools
    difference: Floats
    computed: Floats
    logged: Floats


def agree(logged: pd.Series, readings: Mapping[str, Scores], kind: str, *, coarse: bool = False) -> Agreement:
    """
    The reading under which most logged scores are computed to the bit; of equals, the one that agrees most.

    Args:
        logged: (rows,) as stored.
        readings: how it was computed → (rows,); those that begin with "chance" are probabilities, others are
            in the model's unit.
        kind: the model's, "log_odds" or "number".
        coarse: the features were stored in 32 bits, whatever the scores were.

    Raises:
        ValueError: no reading is given.
    """
    return max((one for _, one in _tried(logged, readings, kind, coarse)), key=_counts)


def best_readings(
    logged: pd.Series, readings: Mapping[str, Scores], kind: str, *, coarse: bool = False
) -> tuple[str, ...]:
    """The readings that do as well as the one of `agree`; arguments as there."""
    tried = [(name, _counts(one)) for name, one in _tried(logged, readings, kind, coarse)]
    best = max(counts for _, counts in tried)
    return tuple(dict.fromkeys(name for name, counts in tried if counts == best))


def _counts(one: Agreement) -> tuple[int, int]:
    return int(one.identical.sum()), int(one.agrees.sum())


def _tried(
    logged: pd.Series, readings: Mapping[str, Scores], kind: str, coarse: bool
) -> Iterator[tuple[str, Agreement]]:
    """Every reading in every form that may have made the log from it."""
    held = _numbers(logged)
    known = held[np.isfinite(held)]
    chances = kind == "log_odds" and are_probabilities(known)
    for name, scores in readings.items():
        for form in _forms(held, known, chances, name):
            yield name, _agreement(held, scores, name, form, chances, coarse)


def _numbers(logged: pd.Series) -> Scores:
    """As floats of the width that they are stored in; NaN where there is none."""
    column = pd.to_numeric(logged, errors="coerce")
    width = column.dtype if column.dtype in (np.float32, np.float16) else np.float64
    return np.asarray(column.to_numpy(dtype=width, na_value=np.nan))


@dataclass(frozen=True)
class _Form:
    """How a computed score became the logged one: a squashing function, a width, decimals."""

    squash: str
    width: npt.DTypeLike
    decimals: int | None
    words: str


def _forms(held: Scores, known: Scores, chances: bool, reading: str) -> list[_Form]:
    """The forms that may have made the log from this reading."""
    squashes = [""]
    if chances and not reading.startswith("chance"):
        squashes = ["1/(1+exp)", "expit"]
    elif not chances and reading.startswith("chance"):
        return []
    decimals = _decimals(known)
    if decimals is not None:
        return [_Form(squash, np.float64, decimals, f"rounded to {decimals} decimals") for squash in squashes]
    widths: list[tuple[npt.DTypeLike, str]] = [(held.dtype, f"of {8 * held.dtype.itemsize} bits")]
    if held.dtype == np.float64 and _kept_wider(known):
        widths = [(np.float32, "of 32 bits, kept in 64")]
    return [_Form(squash, width, None, words) for squash in squashes for width, words in widths]


def _kept_wider(known: Scores) -> bool:
    """Whether these 64 bits hold no more than 32 did, directly or by way of a text."""
    narrow = known.astype(np.float32)
    if np.array_equal(narrow.astype(np.float64), known):
        return True
    few = slice(None, SAMPLE)
    return bool(np.array_equal([float(str(one)) for one in narrow[few]], known[few]))


def _decimals(known: Scores) -> int | None:
    """To how many decimals all scores are rounded; none where they are not."""
    if len(known) < 2 or known.dtype != np.float64:
        return None
    for decimals in range(MOST_DECIMALS + 1):
        if np.array_equal(np.round(known, decimals), known):
            return decimals
    return None


def _agreement(
    held: Scores, scores: Scores, reading: str, form: _Form, chances: bool, coarse: bool
) -> Agreement:
    made = _squashed(scores, form.squash)
    kept = made if form.decimals is None else np.round(made.astype(np.float64), form.decimals)
    with np.errstate(over="ignore"):
        mine, theirs = kept.astype(form.width), held.astype(form.width)
    identical = (mine == theirs) | (np.isnan(mine) & np.isnan(theirs))
    narrow = coarse or scores.dtype == np.float32 or np.dtype(form.width).itemsize <= NARROW
    near = _near(made.astype(np.float64), held.astype(np.float64), narrow, form)
    computed = _unsquashed(scores.astype(np.float64), chances and reading.startswith("chance"))
    logged = _unsquashed(held.astype(np.float64), chances)
    difference = np.where(identical, 0.0, logged - computed)
    name = ", ".join(part for part in (reading, form.squash, form.words) if part)
    return Agreement(name, identical, identical | near, difference, computed, logged)


def _squashed(scores: Scores, how: str) -> Scores:
    if how == "expit":
        return np.asarray(expit(scores))
    if how:
        with np.errstate(over="ignore"):
            return np.asarray(1 / (1 + np.exp(-scores)))
    return scores


def _unsquashed(values: Floats, chances: bool) -> Floats:
    if not chances:
        return values
    inside = np.clip(values, 1e-9, 1 - 1e-9)
    return np.asarray(np.log(inside) - np.log1p(-inside))


def _near(mine: Floats, theirs: Floats, narrow: bool, form: _Form) -> Bools:
    """Equal except for the last digits that the width, or the decimals, hold."""
    known = np.isfinite(mine)
    scale = float(np.abs(mine[known]).max()) if known.any() else 0.0
    half = np.dtype(form.width) == np.float16
    width = np.float16 if half else np.float32 if narrow else np.float64
    limit = (1.0 if half else ROUNDED) * float(np.finfo(width).eps) * scale
    if form.decimals is not None:
        limit += 0.5 * 10.0**-form.decimals
    return np.asarray(np.abs(mine - theirs) <= limit)
