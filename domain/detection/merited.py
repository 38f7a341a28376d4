"""
What a change of exposure means: are these items shown less, or more, than members' choices say they merit?

That an item, or a kind of items, is shown otherwise than before may be right: the model has learned that it
was shown too much. So a change is held against merit, as chance's traffic and engagement tell it, and only
one that leads away from merit is told.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import norm

from domain.detection.production_bias import HALF, Deserved, due
from domain.detection.title import place_of
from domain.values import Finding, Slice

CONFIDENCE = 0.9


@dataclass(frozen=True)
class Against:
    """Production over merit of some items together, less 1: −0.62 is 62 % less; with its interval."""

    value: float
    low: float
    high: float


def against_merit(
    deserved: Deserved,
    production: pd.DataFrame,
    available: pd.Series | None,
    members: npt.NDArray[np.bool_],
    confidence: float = CONFIDENCE,
) -> Against | None:
    """
    What production shows the items of `members` together, over what they merit together.

    Args:
        production, available: as of `production_bias.deserve`; may be of another time than that.
        members: (n_items,) in order of `deserved.items`.

    Returns:
        None where none of them is known. Errors of items are taken to be independent.
    """
    shown, merited = due(deserved, production, available)
    total = float(merited[members].sum())
    if total <= 0:
        return None
    seen = float(shown[members].sum())
    blur = float(np.square(merited * deserved.error)[members].sum()) / total**2
    error = np.sqrt(blur + 1 / (min(seen, total) + HALF))
    away = np.log(seen + HALF) - np.log(total + HALF)
    reach = float(norm.ppf((1 + confidence) / 2)) * error
    return Against(*(float(np.expm1(one)) for one in (away, away - reach, away + reach)))


def members_of(where: Slice, described: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """
    (n_items,) which items lie in a slice.

    Args:
        described: a row an item, a column a dimension, as text.

    >>> members_of((("genre", "War"),), pd.DataFrame({"genre": ["War", "Drama"]})).tolist()
    [True, False]
    """
    inside = np.ones(len(described), dtype=bool)
    for dimension, value in where:
        inside &= np.asarray(described[dimension] == value)
    return inside


def leads_away(finding: Finding, now: Against) -> bool:
    """
    Whether what changed lies on that side of merit now, beyond its uncertainty.

    >>> from datetime import UTC, datetime; from domain.values import Severity
    >>> at = datetime(2026, 3, 2, tzinfo=UTC)
    >>> fell = Finding(check="c", table="t", window_start=at, window_end=at, observed=4, expected=10,
    ...                p_value=0.0, severity=Severity.SEV3, title="…")
    >>> leads_away(fell, Against(-0.6, -0.7, -0.5)), leads_away(fell, Against(0.1, 0.0, 0.2))
    (True, False)
    """
    return now.high < 0 if finding.change < 0 else now.low > 0


def told(finding: Finding, now: Against, before: Against | None) -> Finding:
    """The finding in the words of somebody who answers for these items."""
    usual = "" if before is None else f", before that {_share(before.value)}"
    title = f"{place_of(finding.table, finding.slice)}: shown {_share(now.value)} than they merit{usual}"
    return finding.model_copy(update={"title": title[:300]})


def _share(ratio: float) -> str:
    """
    >>> _share(-0.62), _share(0.3)
    ('62 % less', '30 % more')
    """
    return f"{abs(ratio):.0%}".replace("%", " %") + (" less" if ratio < 0 else " more")
