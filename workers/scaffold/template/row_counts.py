"""own_kind: fewer rows than the lowest count ever seen, by a margin."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from pydantic import Field

from domain.detection.data.counts import Counts
from domain.detection.own import Judgement, Options, OwnCheck, RowCounts, Seen


class Keys(Options):
    """What is written under [checks.NAME] in addition to the keys that every check has."""

    of_the_least: float = Field(default=0.5, gt=0.0, le=1.0)


def judge(keys: Keys, seen: Seen[Counts]) -> Iterator[Judgement]:
    """Judge the last window by the usable ones before it, as a whole and slice by slice."""
    counts = seen.data
    every = np.column_stack([counts.total, counts.rows])
    past, now = every[seen.usable], every[-1]
    for place, where in enumerate(((), *counts.slices)):
        least, usual = float(past[:, place].min()), float(np.median(past[:, place]))
        low, most = keys.of_the_least * least, float(past[:, place].max())
        yield Judgement(
            observed=float(now[place]),
            expected=usual,
            low=low,
            high=max(most, float(now[place])),  # this check does not care about too many
            p_value=0.0 if now[place] < low else 1.0,  # a rule: chance plays no part
            slice=where,
            share=min(max((usual - float(now[place])) / max(float(np.median(past[:, 0])), 1.0), 0.0), 1.0),
            matters=usual - float(now[place]) >= seen.check.least_rows,
        )


CHECK = OwnCheck(kind="own_kind", needs=RowCounts(), judge=judge, options=Keys)
