"""Reads what a diagnosis and a menu are made from, from the declared tables; each part may be missing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, TypeVar

import ibis
import numpy as np
import pandas as pd

from domain.detection.data.counts import NOT_SET
from domain.detection.data.window import Grid
from domain.diagnosis.material import Snapshots, Standby
from domain.diagnosis.replay import CandidateColumns
from domain.errors import sanitized
from domain.recommender.recommender import Recommender
from domain.recommender.several import several
from domain.resolution.replays.registry import standby_of
from domain.values import Finding, Slice
from workers.checks.judged import judged_until
from workers.declaration.check_kinds import found as found_kind
from workers.models.candidates import read_candidates
from workers.models.logged import Log, log_of
from workers.respond.diagnose.deliveries import feeds_above, last_two
from workers.respond.diagnose.finding_query import FindingQuery, asked, ratio_frame, ratio_series
from workers.sources.aggregate.count import count_windows
from workers.sources.aggregate.sliced import in_slice, known_dimensions, with_dimensions
from workers.sources.engines.column_kinds import finite
from workers.sources.engines.source import TIME, Source, open_source

T = TypeVar("T")
BACK = timedelta(hours=6)
CELLS_BACK = timedelta(hours=2)
ITEMS = 100_000
DAY, WEEK = timedelta(days=1), timedelta(days=7)
CLEARLY = 2.0  # the two hours before are compared with even if up to this many times as far from now
MOST_GAPS = 0.1  # empty windows before, as a share, from which on the check's own, longer ones are used
SMOOTH = 15  # windows over which the previous day is averaged, up to `SMOOTH_FOR` in all
SMOOTH_FOR = timedelta(minutes=75)


def before_onset(finding: Finding, since: datetime) -> datetime:
    """Where reading before the onset begins: six hours earlier, and at least two of the metric's windows."""
    return since - max(BACK, 2 * (finding.window_end - finding.window_start))


@dataclass
class Reader:
    """Reads for one finding at one moment. What fails is kept in `problems`, in words."""

    recommender: Recommender
    finding: Finding
    at: datetime

    def __post_init__(self) -> None:
        self.problems: list[str] = []

    @property
    def end(self) -> datetime:
        """Until when the finding's table is complete; whole seconds, as windows are counted in them."""
        table = self.recommender.tables.get(self.finding.table)
        return (self.at - (table.settle if table else timedelta(0))).replace(microsecond=0)

    def attempt(self, what: str, read: Callable[[], T]) -> T | None:
        """The result of `read`; null, and a line in `problems`, if it raises."""
        try:
            return read()
        except Exception as error:  # noqa: BLE001 (one table must not take the others with it)
            self.problems.append(f"{what} could not be read: {sanitized(error)}")
            return None

    @cached_property
    def asked(self) -> FindingQuery:
        """What the finding's check measures, and in which windows."""
        return asked(self.recommender, self.finding)

    def series(self) -> pd.DataFrame | None:
        """
        Windows of the slice; expected is its share of the total, or what the same time before held. None if
        the finding is about a column or an item: row counts say nothing about those.
        """
        finding, about = self.finding, self.asked
        if about.count < 1 or finding.table not in self.recommender.tables or finding.subject is not None:
            return None
        if about.divided:
            return ratio_series(self.recommender, finding, about, self.end)
        found, coarse = self._series(about), about.coarse
        if about.back or about == coarse or not _patchy(found["observed"].to_numpy()[: about.count // 2]):
            return found
        return self._series(coarse)

    @cached_property
    def judged(self) -> pd.DataFrame | None:
        """The finding's last windows as its check judges them; None if it has no numbers for them."""
        return judged_until(self.recommender, self.finding, self.at)

    def _series(self, about: FindingQuery) -> pd.DataFrame:
        finding, width, count = self.finding, about.width, about.count
        names = tuple(name for name, _ in finding.slice)
        now = self._counts(self.end - count * width, width, count, names)
        starts = pd.DatetimeIndex([self.end - (count - n) * width for n in range(count)])
        half = slice(0, max(count // 2, 1))
        if finding.slice:
            observed, total = _pick(now, finding.slice, count), _pick(now, (), count)
            share = observed[half].sum() / max(total[half].sum(), 1.0)
            expected = total * share
        else:
            observed = _pick(now, (), count)
            known = self._as_before(width, count)
            known = known if known[half].sum() > 0 else np.ones(count)
            expected = known * observed[half].sum() / known[half].sum()
        return pd.DataFrame({"window_start": starts, "observed": observed, "expected": expected})

    def _as_before(self, width: timedelta, count: int) -> np.ndarray[Any, np.dtype[np.float64]]:
        """(count,) what the same windows held a day before; for longer ones, in the weeks before."""
        for offsets in self.asked.back or ((DAY,),):
            parts = [
                _pick(self._counts(self.end - count * width - back, width, count, ()), (), count)
                for back in offsets
            ]
            # before a table's first row nothing is known: no rows there are not zero rows
            there = [np.where(np.cumsum(part) > 0, part, np.nan) for part in parts if part.sum() > 0]
            if there:
                past = pd.DataFrame(there).mean().fillna(0.0)
                smooth = 1 if self.asked.back else min(SMOOTH, max(SMOOTH_FOR // width, 1))
                return past.rolling(smooth, center=True, min_periods=1).mean().to_numpy(dtype=np.float64)
        return np.zeros(count)

    def cells(self, since: datetime) -> tuple[pd.DataFrame, tuple[str, ...]] | None:
        """
        What the check measures since then, by combinations of the table's own dimensions, against an earlier
        time: for a window of an hour or more, the same hours in the weeks before; else the two hours before,
        or the same hours a day or a week before if the cells beside the finding's slice were more alike then.
        """
        if self.finding.subject is not None or since >= self.end:
            return None
        if self.asked.divided:
            frame, dimensions = ratio_frame(self.recommender, self.asked, since, self.end)
            return (frame, dimensions) if dimensions else None
        with open_source(self.recommender, self.finding.table) as source:
            names = list(known_dimensions(self.recommender, source))
            if not names:
                return None
            now = self._grouped(source, since, self.end, names)
            pasts = list(self._cells_before(source, since, names))
        known = pd.concat([before for before, _ in pasts])
        held = [self._beside_before(now, before, scale, names, known) for before, scale in pasts]
        apart = [
            _apart(both[rest], names) * (1.0 if place == 0 else CLEARLY)
            for place, (both, rest) in enumerate(held)
        ]
        both, _ = held[int(np.argmin(apart))]
        return both[[*names, "observed", "expected"]], tuple(names)

    def _beside_before(
        self, now: pd.DataFrame, before: pd.DataFrame, scale: float, names: list[str], known: pd.DataFrame
    ) -> tuple[pd.DataFrame, pd.Series]:
        """
        Cells of both times, scaled to match beside the finding's slice; and which cells those are: not those
        of values that are not `known` from any earlier time.
        """
        both = now.merge(before, on=names, how="outer", suffixes=("", "_before")).fillna(
            {"n": 0, "n_before": 0}
        )
        rest = ~_inside(both, self.finding.slice, self.exploded) if self.finding.slice else both["n"] >= 0
        for name, _ in self.finding.slice:  # what is new may be what is missing, under another name
            if name in both:
                rest &= both[name].isin(known[name])
        if self.finding.slice and both.loc[rest, "n_before"].sum() > 0:
            scale = float(both.loc[rest, "n"].sum() / both.loc[rest, "n_before"].sum())
        both["observed"], both["expected"] = both["n"].astype(float), both["n_before"] * scale
        return both, rest

    def _cells_before(
        self, source: Source, since: datetime, names: list[str]
    ) -> Iterator[tuple[pd.DataFrame, float]]:
        """What to compare with, and the factor that scales it to an equally long time."""
        for offsets in self.asked.back:
            parts = [self._grouped(source, since - back, self.end - back, names) for back in offsets]
            there = [part for part in parts if len(part)]
            if there:
                yield pd.concat(there).groupby(names)[["n"]].sum().reset_index(), 1 / len(there)
                return
        yield self._grouped(source, since - CELLS_BACK, since, names), (self.end - since) / CELLS_BACK
        for back in (DAY, WEEK) if self.finding.slice else ():
            if len(before := self._grouped(source, since - back, self.end - back, names)):
                yield before, 1.0

    @property
    def exploded(self) -> dict[str, str]:
        """In the finding's table: dimension → what separates its several values."""
        if self.finding.table not in self.recommender.tables:
            return {}
        with open_source(self.recommender, self.finding.table) as source:
            known = known_dimensions(self.recommender, source)
        return {name: mark for name, mark in known.items() if mark is not None}

    def items(self) -> pd.DataFrame | None:
        """The item table as it is now, with its declared features."""
        declared = self.recommender.items
        if declared is None:
            return None
        wanted = (declared.key, *declared.features, *((declared.title,) if declared.title else ()))
        with open_source(self.recommender, declared.table) as source:
            source.require(declared.key)
            return source.fetch(source.rows.select(*_present(source, wanted)).limit(ITEMS))

    def snapshots(self, since: datetime | None) -> Snapshots | None:
        """
        The items before and after the last delivery that came before `since`; for a finding about one item,
        around the one that changed it.
        """
        return last_two(self.recommender, self.finding, since, self.at)

    def feeds(self, since: datetime | None) -> tuple[Snapshots, ...]:
        """The last two deliveries of each feed of items that the finding's table is made from."""
        return feeds_above(self.recommender, self.finding, since, self.at)

    def log(self) -> Log | None:
        """The log of the model that the finding's table is about."""
        return log_of(self.recommender, self.finding.table)

    def candidates(
        self, table: str, columns: CandidateColumns, start: datetime, end: datetime, seed: int
    ) -> pd.DataFrame:
        """Candidates of at most 1,500 requests in [start, end); see `read_candidates`."""
        return read_candidates(self.recommender, table, columns, (start, end), self.finding.slice, seed)

    def standby(self, since: datetime) -> Standby | None:
        """
        Rows since `since` in the finding's table and in its standby, or in the feed that its check looks into
        and whose standby it is: in the slice, and in all else.
        """
        own = copied_feed(self.recommender, self.finding) or self.finding.table
        spare = standby_of(self.recommender, own)
        if spare is None:
            return None
        mine, theirs = self._rows(own, since, self.end), self._rows(spare, since, self.end)
        seconds = (self.end - since).total_seconds()
        if not self.finding.slice:
            return Standby(spare, mine, theirs, seconds=seconds)
        whole, of_spare = self._rows(own, since, self.end, ()), self._rows(spare, since, self.end, ())
        return Standby(spare, mine, theirs, (whole - mine, of_spare - theirs), seconds)

    def beside(self, since: datetime) -> tuple[tuple[str, float, float], ...]:
        """(table, observed, expected) of the slice in other tables with its dimensions, and rows since."""
        answers = []
        for name, table in self.recommender.tables.items():
            logs = [model.candidates for model in self.recommender.models.values()]
            if name == self.finding.table or name in logs or not table.time or not self.finding.slice:
                continue
            if name.startswith(self.finding.table) or not {n for n, _ in self.finding.slice} <= set(
                table.dimensions
            ):
                continue
            before, whole = self._rows_around(name, since, ())
            mine, part = self._rows_around(name, since, self.finding.slice)
            if before > 0 and mine > 0 and whole > 0:
                answers.append((name, part, whole * mine / before))
        return tuple(answers)

    def events(self, since: datetime) -> tuple[tuple[datetime, str], ...]:
        """What small tables of events (deliveries, trainings) say happened in the six hours before."""
        answers = []
        for name, table in self.recommender.tables.items():
            launches = self.recommender.launches
            if not table.time or table.dimensions or table.key or (launches and launches.table == name):
                continue
            with open_source(self.recommender, name) as source:
                rows = source.between(since - BACK, min(since + timedelta(minutes=15), self.at))
                times = source.fetch(rows.select(rows[TIME]).order_by(ibis.desc(TIME)).limit(5))[TIME]
            answers += [
                (moment.to_pydatetime(), f"`{name}` got a row") for moment in pd.to_datetime(times, utc=True)
            ]
        return tuple(answers)

    def _grouped(self, source: Source, start: datetime, end: datetime, names: list[str]) -> pd.DataFrame:
        """Combinations of `names` as text, with their rows, or the sum of what is measured: `n`."""
        rows, _ = with_dimensions(self.recommender, source, source.between(start, end), tuple(names))
        rows = rows.mutate(**{name: rows[name].fill_null(NOT_SET) for name in names})
        measure = self.asked.measure
        amount = rows.count() if measure is None else finite(rows[measure]).sum()
        return source.fetch(rows.group_by(names).aggregate(n=amount))

    def _counts(self, start: datetime, width: timedelta, count: int, names: tuple[str, ...]) -> pd.DataFrame:
        grid = Grid(start, width, count, ((start, 0),), self.recommender.zone)
        return count_windows(
            self.recommender,
            self.finding.table,
            grid,
            dimensions=names,
            ways=max(len(names), 1),
            measure=self.asked.measure,
        )

    def _rows(self, name: str, start: datetime, end: datetime, where: Slice | None = None) -> float:
        with open_source(self.recommender, name) as source:
            where = self.finding.slice if where is None else where
            rows = in_slice(self.recommender, source, source.between(start, end), where)
            return float(source.fetch(rows.aggregate(n=rows.count()))["n"].astype(float)[0])

    def _rows_around(self, name: str, since: datetime, where: Slice) -> tuple[float, float]:
        """
        Rows of a table in the two hours before `since`, or in its window if that is longer, since yesterday's
        batch may be the only one; and rows from then on, in one pass.
        """
        with open_source(self.recommender, name) as source:
            back = max(CELLS_BACK, source.table.window)
            rows = in_slice(self.recommender, source, source.between(since - back, self.end), where)
            later = rows[TIME] >= ibis.literal(since)
            counted = source.fetch(rows.aggregate(before=(~later).sum(), later=later.sum()))
        before, after = counted.fillna(0).astype(float).iloc[0][["before", "later"]]
        return float(before), float(after)


def _patchy(counts: np.ndarray[Any, np.dtype[np.float64]]) -> bool:
    """Whether rows come every quarter of an hour, or seldom: then these windows show no onset."""
    empty = counts <= 0
    return bool(len(empty) > 1 and np.mean(empty[:-1] & ~empty[1:]) > MOST_GAPS)


def lacking(recommender: Recommender, finding: Finding) -> str | None:
    """The table in which the finding's check looked for rows and found none; null for other checks."""
    check = recommender.checks.get(finding.check)
    kind = found_kind(check.kind) if check is not None else None
    if check is None or kind is None or not kind.lacking:
        return None
    return next(iter(kind.beside(check)), None)


def copied_feed(recommender: Recommender, finding: Finding) -> str | None:
    """The table that the finding's check looked into, if the finding's own table is its standby."""
    asked = lacking(recommender, finding)
    return asked if asked is not None and standby_of(recommender, asked) == finding.table else None


def _present(source: Source, names: Sequence[str]) -> list[str]:
    return [name for name in dict.fromkeys(names) if name in source.columns]


def _apart(cells: pd.DataFrame, names: list[str]) -> float:
    """How far cells are from what they are compared with, by each dimension: a sum of squares."""
    total = 0.0
    for name in names:
        sums = cells.groupby(name)[["observed", "expected"]].sum()
        squares = (sums["observed"] - sums["expected"]) ** 2
        total += float((squares / (sums["observed"] + sums["expected"] + 1.0)).sum())
    return total


def _inside(cells: pd.DataFrame, where: Slice, exploded: Mapping[str, str]) -> pd.Series:
    inside = pd.Series(True, index=cells.index)
    for name, value in where:
        if name in cells:
            inside &= _has(cells[name].astype(str), value, exploded.get(name))
    return inside


def _has(texts: pd.Series, value: str, mark: str | None) -> pd.Series:
    if mark is None:
        return texts == value
    return texts.map(lambda text: value in several(text, mark))


def _pick(counts: pd.DataFrame, where: Slice, windows: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """(windows,) rows of one slice; the total where `where` is empty."""
    first, second = (where[0] if where else (None, None)), (where[1] if len(where) > 1 else (None, None))
    chosen = pd.Series(True, index=counts.index)
    for place, (name, value) in enumerate((first, second), 1):
        dimension, held = counts[f"dim{place}"], counts[f"val{place}"]
        chosen &= dimension.isna() if name is None else (dimension == name) & (held == value)
    rows = counts[chosen & (counts["window"] < windows)]
    answer = np.zeros(windows)
    answer[rows["window"].to_numpy(int)] = rows["rows"].to_numpy(float)
    return answer
