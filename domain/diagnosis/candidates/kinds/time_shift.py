"""Rows that are there, and written under another time: a related table has the right one."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd

from domain.diagnosis.candidates.candidate import CandidateKind, Proposal
from domain.diagnosis.candidates.counted import counts_undone
from domain.diagnosis.known import Known
from domain.diagnosis.material import Material
from domain.diagnosis.pairing import AT, Matched, Pair, dimensions_of, match
from domain.diagnosis.place import place_of
from domain.values import name_slice

Floats = npt.NDArray[np.float64]

LEAST_SHARE = 0.1  # of a slice's rows that are elsewhere, from which on it is worth naming
ALIKE = 0.8  # of the moved rows that are off by the same time
LEAST_SECONDS = 60.0
MOST, NEARLY = 0.9, 0.99  # of the rows of before
WITHIN = 0.1  # of the offset, by which rows that moved together may differ


def _propose(material: Material, known: Known) -> Iterator[Proposal]:
    for pair in material.pairs:
        finding = material.finding
        found = match(pair, known.begun(finding), known.right_until(finding))
        if found is None:
            continue
        told = _moved(material, known, pair, found)
        if told is not None:
            yield told
            return


def _moved(
    material: Material,
    known: Known,
    pair: Pair,
    found: Matched,
) -> Proposal | None:
    off = found.rows["later"].to_numpy(float)
    since = found.rows["now"].to_numpy(bool)
    usual, farthest = _usual(off[found.rows["right"].to_numpy(bool)])
    moved = np.isfinite(off) & (np.abs(off) > max(LEAST_SECONDS, farthest))
    hit = moved & since
    if not hit.any():
        return None
    middle = float(np.median(off[hit]))
    together = np.abs(off - middle) <= max(LEAST_SECONDS, usual, WITHIN * abs(middle))
    if (together & hit).sum() < ALIKE * hit.sum():
        return None
    hit &= together
    placed = place_of(found.rows[since], hit[since], dimensions_of(pair), found=material.finding.slice)
    if placed.purity < LEAST_SHARE:
        return None
    begin = pd.Timestamp(known.begun(material.finding))
    away = hit & ((found.rows["partner"] < begin) | (found.rows["partner"] > pair.mine[AT].max())).to_numpy()
    rows = found.rows[away]
    table = material.finding.table
    how_far = f"{_lasting(abs(middle))} {'early' if middle < 0 else 'late'}"
    title = f"`{table}` is written {how_far} in {name_slice(placed.slice)}"
    return Proposal(
        kind="time_shift",
        object=table,
        place=placed.slice,
        since=found.rows.loc[hit, AT].min().floor("us").to_pydatetime(),
        title=title,
        sentence=f"{title}: {int(hit.sum()):,} rows are there under another time than in `{pair.table}`; "
        "none of them is lost",
        undone=counts_undone(material, known, rows, found.rows_each / max(pair.covers, 1e-9)),
        table=table,
    )


def _usual(off: Floats) -> tuple[float, float]:
    """
    How far (s) rows of before lie from the usual time between both tables: most of them, and nearly all.

    Who is shown something may choose it much later, and no clock is wrong.
    """
    known = np.abs(off[np.isfinite(off)])
    return (float(np.quantile(known, MOST)), float(np.quantile(known, NEARLY))) if len(known) else (0.0, 0.0)


def _lasting(seconds: float) -> str:
    """
    >>> _lasting(3600), _lasting(5400), _lasting(300)
    ('1 h', '1 h 30 min', '5 min')
    """
    hours, minutes = divmod(round(seconds / 60), 60)
    parts = [f"{hours:,} h"] * bool(hours) + [f"{minutes} min"] * bool(minutes or not hours)
    return " ".join(parts)


TIME_SHIFT = CandidateKind("time_shift", _propose, 3, "a related table that has the time of the same rows")
