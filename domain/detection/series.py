"""
A metric by the window, whole and by slice, against its own season, level, scatter and silences.

Which strains there are stands in `strain`, when one is told in `alarm`; here one look of a declared check is
made of them: what was wrong before is not learned from, a change too small for a person is not told, and of
several strains the greatest gives the words.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt

from domain.detection.alarm import AGAIN, MARGIN, STANDS, cool_windows, stand_windows
from domain.detection.counts import Floats
from domain.detection.state import CheckState, Spoiled, Verdict, confirm
from domain.detection.strain import (
    Past,
    Strain,
    Way,
    least_past,
    return_share,
    short_windows,
    strains,
    tail_index,
)
from domain.detection.strain_finding import Told, finding_of
from domain.detection.window import Grid
from domain.recommender.check import Check
from domain.values import Slice

WAYS = 8  # strains that are looked at together
DAY = timedelta(days=1)
HALF = 0.5  # of a dimension's slices, from where on it is the table and not they


@dataclass(frozen=True)
class Metric:
    """
    One metric of a table, whole and by slice; the last window is the one that is judged.

    `held` is (n_windows, n_series), NaN in windows without rows, which count as `empty` once the table
    has begun; `slices` names the columns, () the whole table, which comes first.
    """

    grid: Grid
    held: Floats
    slices: tuple[Slice, ...]
    empty: float
    first: int = 0

    @property
    def count(self) -> int:
        """How many windows there are."""
        return len(self.held)

    def edge(self, index: int) -> datetime:
        """When window `index` begins."""
        return self.grid.edge(self.first + index)

    @property
    def end(self) -> datetime:
        """When the judged window ends."""
        return self.edge(self.count)

    @property
    def local_seconds(self) -> npt.NDArray[np.int64]:
        """(n_windows,) local clock at the start of each."""
        return self.grid.local_seconds()[self.first : self.first + self.count]

    @property
    def a_day(self) -> int:
        """Windows in a day, one at the least."""
        return max(int(DAY / self.grid.width), 1)

    def values(self, place: int) -> Floats:
        """(n_windows,) of one series, NaN where it has no value."""
        begun = np.logical_or.accumulate(np.isfinite(self.held[:, 0]))
        held = self.held[:, place]
        return np.where(np.isfinite(held), held, np.where(begun, self.empty, np.nan))

    def past(self, place: int, usable: npt.NDArray[np.bool_]) -> Past:
        """One of the series, to be held against its past."""
        width = self.grid.width.total_seconds()
        return Past(self.values(place), self.local_seconds, width, usable)

    def until(self, last: int, history: int) -> Metric:
        """
        The same with window `last` as the judged one, at most `history` before it, and slices seen in
        them.
        """
        begin = max(last - history, 0)
        held = self.held[begin : last + 1]
        seen = np.isfinite(held).any(axis=0) | (np.arange(held.shape[1]) == 0)
        slices = tuple(where for where, there in zip(self.slices, seen, strict=True) if there)
        return Metric(self.grid, held[:, seen], slices, self.empty, self.first + begin)


def judge_series(check: Check, metric: Metric, state: CheckState, without: Collection[Way] = ()) -> Verdict:
    """
    Whether the last window strains further than the metric's own past ever did, whole or in a slice.

    With many slices, each has to be as far out as makes one in any of them as rare as in a single series.

    Args:
        without: ways of straining that are not looked at.
    """
    judged = dict[Slice, Told | None]()
    for place, where in enumerate(metric.slices):
        past = metric.past(place, usable_windows(metric, place, state))
        if int(np.isfinite(past.learned[:-1]).sum()) >= least_past(past.a_day):
            looked_at = [one for one in strains(past) if one.way not in without]
            judged[where] = _told(check, metric, (place, past), state, looked_at)
    if not judged:
        return Verdict(state=state, judged=False, note="not enough history yet")
    findings = [
        finding_of(check, metric.edge, metric.count, where, told) for where, told in one_cause(judged).items()
    ]
    patience = stand_windows(metric.a_day) + 1
    until, width = metric.edge(metric.count - 1), metric.grid.width.total_seconds()
    return confirm(state, findings, width, until, clear_after=patience)


def one_cause(judged: Mapping[Slice, Told | None]) -> dict[Slice, Told]:
    """
    Of what strains at once, what is told: slices of one dimension, that of the greatest strain; the whole
    table where half of that dimension's slices strain with it, or none does.
    """
    told = {where: one for where, one in judged.items() if one is not None}
    whole = {where: one for where, one in told.items() if not where}
    parts = {where: one for where, one in told.items() if where}
    if not parts:
        return whole
    dimension = max(parts, key=lambda where: parts[where].ratio)[0][0]
    alike = {where: one for where, one in parts.items() if where[0][0] == dimension}
    among = sum(1 for where in judged if where and where[0][0] == dimension)
    return whole if whole and len(alike) >= HALF * among else alike


def usable_windows(metric: Metric, place: int, state: CheckState) -> npt.NDArray[np.bool_]:
    """
    (n_windows,) those that may be learned from: not while something was wrong with this series. When
    nearly all of its past was wrong, that is the new normal, and all of it counts.
    """
    where, good = metric.slices[place], np.ones(metric.count, dtype=bool)
    for wrong in state.wrong(metric.end):
        if _touches(wrong, where):
            good &= ~_inside(metric, wrong)
    past = metric.past(place, good)
    known, enough = np.isfinite(past.y), least_past(past.a_day)
    return good if int((good & known)[:-1].sum()) >= enough else np.ones_like(good)


def _touches(wrong: Spoiled, where: Slice) -> bool:
    one, other = set(wrong.slice), set(where)
    return one <= other or other <= one


def _inside(metric: Metric, wrong: Spoiled) -> npt.NDArray[np.bool_]:
    width = metric.grid.width.total_seconds()
    starts = metric.edge(0).timestamp() + width * np.arange(metric.count)
    return np.asarray((starts + width > wrong.since.timestamp()) & (starts < wrong.until.timestamp()))


def _told(
    check: Check, metric: Metric, one: tuple[int, Past], state: CheckState, looked_at: Sequence[Strain]
) -> Told | None:
    """
    Of one series, the greatest strain that is to be told; None where there is none. What is told already goes
    on as long as it is seen within an hour: what takes a day to see would take a day to be over.
    """
    place, past = one
    standing, needed = _needed(metric, metric.slices[place], past.a_day, state)
    told = []
    for strain in looked_at:
        ratio = float(strain.ratio[-1])
        if ratio < needed:
            continue
        if strain.windows > short_windows(past.a_day) if standing else not _matters(check, strain, past):
            continue
        p_value, index, usual = _rarity(strain, ratio, past)
        if standing or ratio >= needed * len(metric.slices) ** index:
            told.append(Told(strain, ratio, p_value, usual, nothing=bool(np.isnan(past.y[-1]))))
    return max(told, key=lambda one: one.ratio, default=None)


def _needed(metric: Metric, where: Slice, a_day: int, state: CheckState) -> tuple[bool, float]:
    """Whether this series is being told already, and the strain from where on it is."""
    standing = any(seen.told and not seen.blind and seen.slice == where for seen in state.seen.values())
    cooling = cool_windows(a_day) * metric.grid.width
    lately = any(
        wrong.slice == where and metric.edge(metric.count - 1) - wrong.since <= cooling
        for wrong in state.spoiled
    )
    return standing, STANDS if standing else AGAIN if lately else MARGIN


def _matters(check: Check, strain: Strain, past: Past) -> bool:
    """Whether the change is of the declared size, and in the declared direction."""
    if strain.way == "silence":
        return check.direction != "surge"
    off, against = float(strain.distance[-1]), abs(float(strain.expected[-1]))
    if strain.way == "spread":
        against = float(np.nanmean(np.abs(past.y[-strain.windows :])))
    elif check.direction != "both":
        fell = float(strain.observed[-1]) < float(strain.expected[-1])
        if (check.direction == "drop") != fell:
            return False
    rows = check.least_rows if check.aggregated == "count" else 0.0
    return off >= max(rows, check.least_change * against)


def _rarity(strain: Strain, ratio: float, past: Past) -> tuple[float, float, float]:
    """p of so great a strain in any of the ways, the index of its tail, and what the distance usually is."""
    before = strain.distance[:-1][past.usable[:-1]]
    before = before[np.isfinite(before)]
    share = return_share(past.a_day)
    index = tail_index(before, float(strain.level[-1]), share)
    usual = float(np.median(before)) if len(before) else 0.0
    return min(1.0, WAYS * share * max(ratio, 1.0) ** (-1 / index)), index, usual
