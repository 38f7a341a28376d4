"""
What a change of exposure means: are these items shown less, or more, than expected from their engagement?

That an item, or a kind of items, is shown more or less than before may be right: the model has learned that
it was shown too much. So a change is compared with merit, as random traffic and engagement show it, and only
a change that leads away from expected exposure is reported.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import norm

from domain.detection.data.check_run import CheckRun
from domain.detection.data.counts import NOT_SET
from domain.detection.exposure.eligibility import chance_of, eligibility_change
from domain.detection.exposure.expected_exposure import HALF, Deserved, deserve, due, reweighted
from domain.detection.judge.state import Verdict
from domain.detection.judge.title import place_of
from domain.errors import SourceError, TooFewRows
from domain.recommender.keys.nearest import nearest
from domain.values import Finding, Slice

CONFIDENCE = 0.9


@dataclass(frozen=True)
class Engagement:
    """
    What was shown and chosen of each item `before`, in [since, start), and `now`, in [start, end).

    Both have a row per item and position, with columns item (text), position, explored (bool), shown, chosen
    (counts). `items` has a row per item, indexed by its key, with its declared attributes; `item` is the
    key's name in the table of what was shown, `launch` the column with its launch. `by_chance`: whether it is
    known what was shown by chance.
    """

    since: datetime
    start: datetime
    end: datetime
    before: pd.DataFrame
    now: pd.DataFrame
    items: pd.DataFrame
    item: str
    launch: str | None
    by_chance: bool

    def described(self, deserved: Deserved) -> pd.DataFrame:
        """A row per item of `deserved`, its declared attributes as text; its key under the table's name."""
        rows = self.items.reindex(pd.Index(deserved.items)).astype("string").fillna(NOT_SET)
        return rows.assign(**{self.item: [str(one) for one in deserved.items]})

    def available(self, start: datetime, end: datetime) -> pd.Series | None:
        """Share of [start, end) in which each item could be shown: since its launch."""
        if self.launch is None:
            return None
        span = max(end - start, timedelta(seconds=1)).total_seconds()
        left = (pd.Timestamp(end) - self.items[self.launch]).dt.total_seconds() / span
        return pd.Series(left.clip(0.0, 1.0).fillna(1.0))


@dataclass(frozen=True)
class Against:
    """Production over merit of some items together, less 1: −0.62 is 62 % less; with its interval."""

    value: float
    low: float
    high: float


def against_engagement(
    deserved: Deserved,
    production: pd.DataFrame,
    available: pd.Series | None,
    members: npt.NDArray[np.bool_],
    confidence: float = CONFIDENCE,
) -> Against | None:
    """
    What production shows the items of `members` together, relative to their joint expected exposure.

    Args:
        production, available: as in `expected_exposure.deserve`; may cover another time.
        members: (n_items,) in order of `deserved.items`.

    Returns:
        None if none of them is known. Errors of items are assumed to be independent.
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
        described: a row per item, a column per dimension, as text.

    >>> members_of((("genre", "War"),), pd.DataFrame({"genre": ["War", "Drama"]})).tolist()
    [True, False]
    """
    inside = np.ones(len(described), dtype=bool)
    for dimension, value in where:
        inside &= np.asarray(described[dimension] == value)
    return inside


def leads_away(finding: Finding, now: Against) -> bool:
    """
    Whether what changed now lies on the same side of merit as the change, beyond its uncertainty.

    >>> from datetime import UTC, datetime; from domain.values import Severity
    >>> at = datetime(2026, 3, 2, tzinfo=UTC)
    >>> fell = Finding(check="c", table="t", window_start=at, window_end=at, observed=4, expected=10,
    ...                p_value=0.0, severity=Severity.SEV3, title="…")
    >>> leads_away(fell, Against(-0.6, -0.7, -0.5)), leads_away(fell, Against(0.1, 0.0, 0.2))
    (True, False)
    """
    return now.high < 0 if finding.change < 0 else now.low > 0


def reworded(finding: Finding, now: Against, before: Against | None) -> Finding:
    """The finding in the words of somebody responsible for these items."""
    usual = "" if before is None else f", before that {_share(before.value)}"
    title = (
        f"{place_of(finding.table, finding.slice)}: shown "
        f"{_share(now.value)} than their engagement "
        f"warrants{usual}"
    )
    return finding.model_copy(update={"title": title[:300]})


def _share(ratio: float) -> str:
    """
    >>> _share(-0.62), _share(0.3)
    ('62 % less', '30 % more')
    """
    return f"{abs(ratio):.0%}".replace("%", " %") + (" less" if ratio < 0 else " more")


def held_against(_look: CheckRun, verdict: Verdict, seen: Engagement) -> Verdict:
    """
    The findings in the table of what was shown that lead away from expected exposure, worded accordingly.

    Merit is learned from the time before the finding's window, as far back as `[exposure]` says. An item that
    chance shows less too, as it is eligible less often, is judged by how often it is eligible now.

    Raises:
        SourceError: a finding's dimension is not an attribute of items.
    """
    by_chance = seen.before[seen.before["explored"]] if seen.by_chance else None
    before = seen.before[~seen.before["explored"]]
    try:
        deserved = deserve(before, by_chance, seen.available(seen.since, seen.start))
    except TooFewRows as error:
        return verdict.model_copy(
            update={"findings": (), "note": f"the expected exposure of items is not known: {error}"}
        )
    held = _Held(seen, deserved)
    kept = [one for finding in verdict.findings if (one := held.at(finding)) is not None]
    return verdict.model_copy(update={"findings": tuple(kept)})


class _Held:
    """What is known of merit, before and in the window that is judged."""

    def __init__(
        self,
        seen: Engagement,
        deserved: Deserved,
    ) -> None:
        whole, now = seen.before, seen.now
        self._deserved = deserved
        self._before = (whole[~whole["explored"]], seen.available(seen.since, seen.start))
        self._now = (now[~now["explored"]], seen.available(seen.start, seen.end))
        self._chance = ((whole, self._before[1]), (now, self._now[1]))
        self._described = seen.described(deserved)

    def at(self, finding: Finding) -> Finding | None:
        """The finding in terms of merit; None if by merit the change is right."""
        for dimension, _value in finding.slice:
            if dimension not in self._described:
                right = nearest(dimension, map(str, self._described.columns))
                raise SourceError(
                    f'check "{finding.check}": expected exposure is known of items, and "{dimension}" is '
                    f"no property of items; {right}; name what items have: dimensions = […]"
                )
        members = members_of(finding.slice, self._described)
        now = against_engagement(self._as_now(members), *self._now, members)
        if now is None or not leads_away(finding, now):
            return None
        return reworded(finding, now, against_engagement(self._deserved, *self._before, members))

    def _as_now(self, members: npt.NDArray[np.bool_]) -> Deserved:
        """Expected exposure if these are eligible as often as they are now."""
        items = list(self._deserved.items[members])
        then, now = (chance_of(part, items, available) for part, available in self._chance)
        question = eligibility_change(then, then, now)
        if question is None:
            return self._deserved
        return reweighted(self._deserved, members, question.now, question.blur)
