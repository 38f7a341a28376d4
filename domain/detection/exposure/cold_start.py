"""
Is a new item shown as much as others were at its age?

Compares the exposure since its launch with that of comparable launches up to the same age. Launches are few
and differ: their scatter is learned from them, and with few of them the interval is Student's.

Source:
    Comparables by Gower's distance (1971), Biometrics 27(4). The item's own number is shrunk as in James &
    Stein (1961), Proc. 4th Berkeley Symp.: little if it is further off than chance would take it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import t as student

from domain.detection.data.counts import Floats
from domain.errors import TooFewRows
from domain.values import Share, Value

LEAST_LAUNCHES = 3
LEAST_PEERS = 2  # launches needed before their biases say what is usual
MOST_LAUNCHES = 30
LEAST_SCATTER = 0.1  # log scale: launches are never more alike than this
HALF = 0.5  # of an impression: for the logarithm of a count of 0


class ColdStart(Value):
    """
    How a launch goes: `shown` impressions up to its age, `expected` from `compared` launches, `ratio` less 1
    with `low`–`high` (−0.4: 40 % less), `p_value` of differing this much from launches that scatter as these
    do.
    """

    age_hours: float
    shown: float
    expected: float
    ratio: float
    low: float
    high: float
    p_value: Share
    compared: tuple[str, ...]


def cold_start(item: str, exposure: pd.DataFrame, bin_hours: float, confidence: float = 0.9) -> ColdStart:
    """
    The launch of `item` against the others in `exposure`.

    Args:
        exposure: a row per launch, a column per age bin; impressions, NaN where it is not that old yet
            or was that old before the log begins; index: item.
        bin_hours: the length of a bin.

    Raises:
        TooFewRows: the item has not lived through one bin, or fewer than three other launches were that old.

    >>> seen = pd.DataFrame({0: [50., 100., 90., 110.], 1: [40., 100., 95., np.nan]}, index=list("abcd"))
    >>> found = cold_start("a", seen.iloc[:, :1], 1.0)
    >>> found.compared, round(found.ratio, 1)
    (('b', 'c', 'd'), -0.5)
    """
    lived = _lived(exposure.loc[item].to_numpy(np.float64))
    if lived == 0:
        raise TooFewRows(f"{item} has not been out for {bin_hours:g} h yet")
    upto = exposure.iloc[:, :lived].to_numpy(np.float64).sum(axis=1)  # NaN if any bin is not known
    others = exposure.index[np.isfinite(upto) & (exposure.index != item)]
    if len(others) < LEAST_LAUNCHES:
        raise TooFewRows(
            f"{len(others)} other launches are in the log up to an age of {lived * bin_hours:g} h, and "
            f"{LEAST_LAUNCHES} are needed"
        )
    total = pd.Series(upto, index=exposure.index)
    shown = float(total[item])
    logs = np.log(total[others].to_numpy(np.float64) + HALF)
    count, middle = len(logs), float(logs.mean())
    scatter = max(float(logs.std(ddof=1)), LEAST_SCATTER)
    off, noise = float(np.log(shown + HALF)) - middle, 1 / (shown + HALF)
    apart = max(scatter**2, off**2 - noise)  # a launch far from the others is allowed to be
    kept = apart / (apart + noise)
    wide = float(student.ppf((1 + confidence) / 2, count - 1))
    error = wide * np.sqrt(kept * noise + scatter**2 / count)
    away = abs(off) / np.sqrt(scatter**2 * (1 + 1 / count) + noise)
    return ColdStart(
        age_hours=lived * bin_hours,
        shown=shown,
        expected=float(np.exp(middle)),
        ratio=float(np.expm1(kept * off)),
        low=float(np.expm1(kept * off - error)),
        high=float(np.expm1(kept * off + error)),
        p_value=float(2 * student.sf(away, count - 1)),
        compared=tuple(str(one) for one in others),
    )


def range_of_launches(bias: Floats, confidence: float = 0.9) -> tuple[float, float] | None:
    """
    The range in which the bias of one more launch lies, given those of others; None with fewer than two.

    Args:
        bias: (n,) shown over merited, less 1, of each.

    >>> low, high = range_of_launches(np.array([-0.5, -0.6, -0.55]))
    >>> round(low, 2), round(high, 2)
    (-0.69, -0.35)
    """
    if len(bias) < LEAST_PEERS:
        return None
    logs = np.log1p(np.maximum(bias, -1 + 1e-6))
    scatter = max(float(logs.std(ddof=1)), LEAST_SCATTER)
    reach = float(student.ppf((1 + confidence) / 2, len(logs) - 1)) * scatter * np.sqrt(1 + 1 / len(logs))
    return float(np.expm1(logs.mean() - reach)), float(np.expm1(logs.mean() + reach))


def alike(item: str, described: pd.DataFrame, among: list[str], count: int = MOST_LAUNCHES) -> list[str]:
    """
    The `count` items of `among` most similar to `item`: Gower's distance over the columns of `described`,
    numbers relative to their range, words by equality; unknowns on either side are ignored.
    """
    rows = described.loc[[item, *(one for one in among if one != item and one in described.index)]]
    away, known = np.zeros(len(rows)), np.zeros(len(rows))
    for column in rows:
        distance = _distance(rows[column])
        known += np.isfinite(distance)
        away += np.nan_to_num(distance)
    order = np.argsort((away / np.maximum(known, 1))[1:], kind="stable")[:count]
    return [str(one) for one in rows.index[1:][order]]


def _distance(values: pd.Series) -> Floats:
    """(n,) from the first value, 0–1; NaN where it is not known."""
    if pd.api.types.is_numeric_dtype(values):
        numbers = values.to_numpy(np.float64, na_value=np.nan)
        span = float(np.nanmax(numbers) - np.nanmin(numbers)) if np.isfinite(numbers).any() else 0.0
        return np.asarray(np.abs(numbers - numbers[0]) / max(span, 1e-9))
    unknown: npt.NDArray[np.bool_] = values.isna().to_numpy() | bool(pd.isna(values.iloc[0]))
    differs = (values != values.iloc[0]).to_numpy(dtype=np.float64, na_value=1.0)
    return np.where(unknown, np.nan, differs)


def _lived(bins: Floats) -> int:
    """How many bins from the first on are known."""
    unknown = np.flatnonzero(~np.isfinite(bins))
    return int(unknown[0]) if len(unknown) else len(bins)
