"""Rows put back or taken away, compared with what the check expected."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from domain.diagnosis.candidates.judge import TOO_MUCH, verdict_on
from domain.diagnosis.candidates.undone import Undone, rows_undone
from domain.diagnosis.known import Known
from domain.diagnosis.material import Material
from domain.diagnosis.onset import alarm_of
from domain.values import Answer, Slice


def symptom_of(material: Material, known: Known) -> Slice:
    """The slice that the finding is about; where it names none, the one that explains the change most."""
    return material.finding.slice or (known.slices[0].slice if known.slices else ())


def counts_undone(
    material: Material, known: Known, rows: pd.DataFrame, weight: Sequence[float] | float
) -> Undone:
    """
    What would be counted with these rows added (`weight` above 0) or taken away; one weight per row, or one
    for all.

    Without counted cells, the finding's own totals are used instead.
    """
    change = rows.assign(rows=weight)
    cells, symptom = material.cells, symptom_of(material, known)
    if cells is None or cells.empty:
        cells = _alone(material)
        return rows_undone(cells, (), (), change[["rows"]])
    dimensions = [name for name in material.dimensions if name in cells]
    return rows_undone(cells, dimensions, symptom, change)


def lost_of_all(material: Material, place: Slice, lost: float) -> Answer | None:
    """
    Answers "how much" for rows proved lost in the finding's slice, against what its check expected, which
    knows the season; null where the loss does not match, as in a window that it covers only in part.

    Args:
        lost: share of the rows of `place`, 0 to 1.
    """
    finding = material.finding
    fewer = -alarm_of(finding)
    if place != finding.slice or fewer <= 0 or finding.subject is not None:
        return None
    share = lost / fewer
    if not verdict_on(share, TOO_MUCH):
        return None
    words = f"{100 * lost:.0f} % of the rows are lost, {100 * fewer:.0f} % fewer than expected are there"
    return Answer(question="how_much", holds=True, share=round(share, 4), words=words)


def _alone(material: Material) -> pd.DataFrame:
    """One cell: observed and expected since the finding's window began; else the finding's own numbers."""
    finding = material.finding
    observed = finding.observed
    expected = finding.expected
    if material.series is not None:
        since = material.series[material.series["window_start"] >= finding.window_start]
        observed = float(since["observed"].sum()) or observed
        expected = float(since["expected"].sum()) or expected
    return pd.DataFrame({"observed": [observed], "expected": [expected]})
