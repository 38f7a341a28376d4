"""Rows that exist but were written with the wrong time: a related table has the right one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from domain.diagnosis.candidates.candidate import CandidateKind, Proposal
from domain.diagnosis.candidates.counted import counts_undone
from domain.diagnosis.known import Known
from domain.diagnosis.material import Material
from domain.diagnosis.pairing import AT, LEAST_KEYS, Matched, Pair, dimensions_of, match
from domain.diagnosis.place import inside, place_of
from domain.values import Answer, Slice, name_slice

Floats = npt.NDArray[np.float64]

LEAST_SHARE = 0.1  # share of a slice's rows under another time, from which on it is worth naming
GAP = 0.75  # of the rows that the other table has then
EMPTY = 0.01  # of the usual rows: hardly any are none
MOSTLY = 0.5  # share of the rows not found that must exist under another time
ALIKE = 0.8  # of the moved rows that are off by the same time
LEAST_SECONDS = 60.0
MOST, NEARLY = 0.9, 0.99  # of the rows of before
WITHIN = 0.1  # of the offset, by which rows that moved together may differ


def _propose(material: Material, known: Known) -> Iterator[Proposal]:
    for pair in material.pairs:
        for table, one in _both_ways(material, pair):
            proposal = _moved(material, known, table, one)
            if proposal is not None:
                yield proposal
                return


def _both_ways(material: Material, pair: Pair) -> Iterator[tuple[str, Pair]]:
    """
    The table whose clock may be off, as `mine` of a pair with the one whose clock would then be right: first
    the table that the finding's check looks into, if there is one.
    """
    own = material.finding.table
    if pair.strayed is not None:
        yield pair.table, replace(pair, table=own, mine=pair.theirs, theirs=pair.mine, moved=pair.strayed)
    yield own, pair


def _moved(material: Material, known: Known, table: str, pair: Pair) -> Proposal | None:
    """Proposes that most moved rows of `table`, the pair's `mine`, are off by the same time."""
    begun = pd.Timestamp(known.begun(material.finding))
    found = match(pair, begun, known.right_until(material.finding))
    shift = None if found is None else _shift(found)
    if found is None or shift is None:
        return None
    since, hit, off = found.rows["now"].to_numpy(bool), shift.hit, shift.seconds
    placed = place_of(found.rows[since], hit[since], dimensions_of(pair), found=material.finding.slice)
    if placed.purity < LEAST_SHARE or not _left_a_gap(pair, placed.slice, min(shift.first, begun), off):
        return None
    title = f"`{table}` is written {_lasting(abs(off))} {'early' if off < 0 else 'late'}"
    title = f"{title} in {name_slice(placed.slice)}"
    proposal = Proposal(
        kind="time_shift",
        object=table,
        place=placed.slice,
        since=found.rows.loc[hit, AT].min().floor("us").to_pydatetime(),
        title=title,
        sentence=f"{title}: {int(hit.sum()):,} rows are there under another time than in `{pair.table}`; "
        "none of them is lost",
        table=table,
    )
    if table != material.finding.table:
        return _looked_for(proposal, pair, found, hit)
    partner = found.rows["partner"]
    away = hit & ((partner < begun) | (partner > pair.mine[AT].max())).to_numpy()
    each = found.rows_each / max(pair.covers, 1e-9)
    return replace(proposal, undone=counts_undone(material, known, found.rows[away], each))


class _Shift(NamedTuple):
    """
    Rows since the onset that are off by about the same time: `hit` (n_rows,), by how many `seconds`; and the
    right time of the `first` row that is off by that much.
    """

    hit: npt.NDArray[np.bool_]
    seconds: float
    first: pd.Timestamp


def _shift(found: Matched) -> _Shift | None:
    """Null where no rows are off by more than usual, or most are not off by the same time."""
    off, since = found.rows["later"].to_numpy(float), found.rows["now"].to_numpy(bool)
    usual, farthest = _usual(off[found.rows["right"].to_numpy(bool)])
    moved = np.isfinite(off) & (np.abs(off) > max(LEAST_SECONDS, farthest))
    hit = moved & since
    if not hit.any():
        return None
    middle = float(np.median(off[hit]))
    together = np.abs(off - middle) <= max(LEAST_SECONDS, usual, WITHIN * abs(middle))
    if (together & hit).sum() < ALIKE * hit.sum():
        return None
    return _Shift(hit & together, middle, found.rows.loc[moved & together, AT].min())


def _looked_for(proposal: Proposal, pair: Pair, found: Matched, hit: npt.NDArray[np.bool_]) -> Proposal:
    """Adds "where" and "how much", from the rows that the finding's check missed and that exist."""
    keys = list(pair.keys)
    near = found.rows[keys].merge(pair.mine[keys].drop_duplicates(), on=keys, how="left", indicator=True)
    lacking = found.rows["now"].to_numpy(bool) & (near["_merge"] == "left_only").to_numpy(bool)
    lacked = int(lacking.sum())
    share = int((hit & lacking).sum()) / max(lacked, 1)
    words = f"{100 * share:.0f} % of the {lacked:,} rows that were not found are there under another time"
    return replace(
        proposal,
        where=Answer(question="where", holds=True, words="it lies where the finding's own check looked"),
        how_much=Answer(question="how_much", holds=share > MOSTLY, share=round(share, 4), words=words),
    )


def _left_a_gap(pair: Pair, where: Slice, first: pd.Timestamp, off: float) -> bool:
    """
    Whether the table suspected to be off lacks rows where a wrong clock leaves a gap: for as long after the
    first of them as it is late, or for as long before now as it is early. When two tables differ by an hour,
    either may have the wrong time; if the other one has, that one has rows too many there.
    """
    newest, length = max(pair.theirs[AT].max(), pair.mine[AT].max()), pd.Timedelta(seconds=abs(off))
    gap = (first, min(first + length, newest)) if off > 0 else (max(newest - length, first), newest)
    mine, theirs = _pace(pair.mine, where, first, gap), _pace(pair.theirs, where, first, gap)
    if mine is None or theirs is None:
        return True
    return mine < GAP * theirs and abs(np.log(max(mine, EMPTY))) > abs(np.log(max(theirs, EMPTY)))


def _pace(
    rows: pd.DataFrame, where: Slice, first: pd.Timestamp, span: tuple[pd.Timestamp, pd.Timestamp]
) -> float | None:
    """Rows of `where` within the span for one that is usual, by those elsewhere; null with none before."""
    at, here = rows[AT], inside(rows, where)
    then, before = at.between(*span).to_numpy(bool), (at < first).to_numpy(bool)
    if not (here & before).any():
        return None
    usual = (span[1] - span[0]) / (first - at.min())
    if (~here & before).sum() >= LEAST_KEYS:
        usual = (~here & then).sum() / (~here & before).sum()
    return float((here & then).sum() / (here & before).sum() / max(usual, EMPTY))


def _usual(off: Floats) -> tuple[float, float]:
    """
    How far (s) rows before the onset lie from the usual time between both tables: most of them, and nearly
    all.

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
