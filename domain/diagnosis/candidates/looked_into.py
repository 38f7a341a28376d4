"""Rows that the finding's own check looks for in another table, and that are gone from there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from domain.diagnosis.known import Known
from domain.diagnosis.material import Material
from domain.diagnosis.pairing import Pair, match_drop
from domain.values import Answer

LOST = 0.1  # share of a slice's rows, from which on the loss is worth naming
MOST = 0.5  # share of the rows not found that must be gone from the table itself


@dataclass(frozen=True)
class LookedInto:
    """The `share` of them not found, since when, and whether as many of that table's own rows are gone."""

    since: datetime
    share: float
    where: Answer
    how_much: Answer


def looked_into(material: Material, known: Known, pair: Pair) -> LookedInto | None:
    """What the other table of `pair` lacks; null where that is next to nothing, or not known."""
    since = known.begun(material.finding)
    drop = match_drop(pair, material.finding.slice, since)
    if drop is None or drop.share < LOST:
        return None
    ratio = drop.rows / drop.share
    return LookedInto(
        since,
        drop.share,
        Answer(question="where", holds=True, words="it lies where the finding's own check looked"),
        Answer(
            question="how_much",
            holds=MOST < ratio < 1 / MOST,
            share=round(min(max(ratio, 0.0), 1.0), 4),
            words=f"`{pair.table}` has {100 * drop.rows:.0f} % fewer rows of them itself",
        ),
    )
