"""A change of exposure held against merit: what a check of production bias tells of what it found."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd

from domain.detection.merited import against_merit, leads_away, members_of, told
from domain.detection.production_bias import Deserved, deserve, reweighted
from domain.detection.question import chance_of, in_question
from domain.detection.state import Verdict
from domain.errors import SourceError, TooFewRows
from domain.recommender.check import Check
from domain.recommender.recommender import Recommender
from domain.values import Finding
from workers.sources import exposure as read
from workers.sources.lines import nearest
from workers.sources.sets import NOT_SET

AGAINST_MERIT = "production_bias"
"""The kind of check whose findings are held against merit."""


def held_against_merit(recommender: Recommender, check: Check, verdict: Verdict) -> Verdict:
    """
    Of what was found in the table of what was shown, that which leads away from merit, in those words.

    Merit is learned from the time before the finding's window, as far back as `[exposure]` says. What chance
    shows less too, as it comes into question less often, is judged by how often it does now.

    Raises:
        SourceError: nothing is declared of exposure, or the check's table is not the one of what was shown.
    """
    if not verdict.findings:
        return verdict
    exposure = read.declared(recommender)
    if check.table != exposure.shown:
        raise SourceError(
            f'check "{check.name}": looks at "{check.table}", and what was shown is in "{exposure.shown}"; '
            f'write table = "{exposure.shown}"'
        )
    start, end = verdict.findings[0].window_start, verdict.findings[0].window_end
    since = start - exposure.history
    whole, now = read.engagement(recommender, since, start), read.engagement(recommender, start, end)
    items = read.items_beside(recommender)
    by_chance = whole[whole["explored"]] if exposure.explored else None
    before = whole[~whole["explored"]]
    try:
        deserved = deserve(before, by_chance, _available(recommender, items, since, start))
    except TooFewRows as error:
        return verdict.model_copy(update={"findings": (), "note": f"what items merit is not known: {error}"})
    look = _Look(recommender, deserved, items, whole, now, (since, start, end))
    kept = [one for finding in verdict.findings if (one := look.at(finding)) is not None]
    return verdict.model_copy(update={"findings": tuple(kept)})


class _Look:
    """What is known of merit, before and in the window that is judged."""

    def __init__(
        self,
        recommender: Recommender,
        deserved: Deserved,
        items: pd.DataFrame,
        whole: pd.DataFrame,
        now: pd.DataFrame,
        times: tuple[datetime, datetime, datetime],
    ) -> None:
        since, start, end = times
        self._deserved = deserved
        self._before = (whole[~whole["explored"]], _available(recommender, items, since, start))
        self._now = (now[~now["explored"]], _available(recommender, items, start, end))
        self._chance = ((whole, self._before[1]), (now, self._now[1]))
        self._described = _described(recommender, deserved, items)

    def at(self, finding: Finding) -> Finding | None:
        """The finding with what merit says of it; None where merit says that it is right so."""
        for dimension, _value in finding.slice:
            if dimension not in self._described:
                right = nearest(dimension, map(str, self._described.columns))
                raise SourceError(
                    f'check "{finding.check}": merit is known of items, and "{dimension}" is nothing of an '
                    f"item; {right}; name what items have: dimensions = […]"
                )
        members = members_of(finding.slice, self._described)
        now = against_merit(self._as_now(members), *self._now, members)
        if now is None or not leads_away(finding, now):
            return None
        return told(finding, now, against_merit(self._deserved, *self._before, members))

    def _as_now(self, members: npt.NDArray[np.bool_]) -> Deserved:
        """What is merited where these come into question as often as they do now."""
        items = list(self._deserved.items[members])
        then, now = (chance_of(part, items, available) for part, available in self._chance)
        question = in_question(then, then, now)
        if question is None:
            return self._deserved
        return reweighted(self._deserved, members, question.now, question.blur)


def _described(recommender: Recommender, deserved: Deserved, items: pd.DataFrame) -> pd.DataFrame:
    """A row an item of `deserved`, all that is declared of it as text; its key under the table's name too."""
    rows = items.reindex(pd.Index(deserved.items)).astype("string").fillna(NOT_SET)
    shown = recommender.tables[read.declared(recommender).shown]
    return rows.assign(**{str(shown.item): [str(one) for one in deserved.items]})


def _available(
    recommender: Recommender, items: pd.DataFrame, start: datetime, end: datetime
) -> pd.Series | None:
    """Share of [start, end) in which each item could be shown: since its launch."""
    column = recommender.items.launch if recommender.items else None
    if column is None:
        return None
    span = max(end - start, timedelta(seconds=1)).total_seconds()
    left = (pd.Timestamp(end) - items[column]).dt.total_seconds() / span
    return pd.Series(left.clip(0.0, 1.0).fillna(1.0))
