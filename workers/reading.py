"""What a diagnosis and a menu are made from, read from the declared tables; each part may be missing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

import ibis
import numpy as np
import pandas as pd

from domain.detection.window import Grid
from domain.diagnosis.material import Snapshots, Standby
from domain.diagnosis.replay import CandidateColumns
from domain.recommender.recommender import Recommender
from domain.values import Finding, Slice
from workers.deliveries import delivery_table, last_two
from workers.models.logged import logged_model
from workers.models.skops_file import SkopsModel
from workers.sources.count import count_windows, zone_of
from workers.sources.source import TIME, Source, open_source

T = TypeVar("T")
BACK = timedelta(hours=6)
CELLS_BACK = timedelta(hours=2)
WINDOWS = 360
REQUESTS = 1_500
ITEMS = 100_000
DAY = timedelta(days=1)
SMOOTH = 15  # windows over which the day before is averaged


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
        """Up to when the finding's table is complete; whole seconds, as windows are counted in them."""
        table = self.recommender.tables.get(self.finding.table)
        return (self.at - (table.settle if table else timedelta(0))).replace(microsecond=0)

    def attempt(self, what: str, read: Callable[[], T]) -> T | None:
        """The answer of `read`; null, and a line in `problems`, when it raises."""
        try:
            return read()
        except Exception as error:  # noqa: BLE001 (one table must not take the others with it)
            self.problems.append(f"{what} could not be read: {error}")
            return None

    def series(self) -> pd.DataFrame | None:
        """
        Windows of the slice; its share of the total, or the day before, makes what is expected. None where a
        column is wrong, or an item: how many rows there are says nothing of that.
        """
        finding, width = self.finding, self.finding.window_end - self.finding.window_start
        count = int(min(WINDOWS, BACK / width))
        if count < 1 or finding.table not in self.recommender.tables or finding.subject is not None:
            return None
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
            past = _pick(self._counts(self.end - count * width - DAY, width, count, ()), (), count)
            smooth = pd.Series(past).rolling(SMOOTH, center=True, min_periods=1).mean().to_numpy()
            known = smooth if smooth[half].sum() > 0 else np.ones(count)
            expected = known * observed[half].sum() / known[half].sum()
        return pd.DataFrame({"window_start": starts, "observed": observed, "expected": expected})

    def cells(self, since: datetime) -> tuple[pd.DataFrame, tuple[str, ...]] | None:
        """Counts of combinations of the table's own dimensions since then, against the two hours before."""
        source = open_source(self.recommender, self.finding.table)
        names = [name for name in source.table.dimensions if name in source.columns]
        if not names or since >= self.end or self.finding.subject is not None:
            return None
        now = _grouped(source, since, self.end, names)
        before = _grouped(source, since - CELLS_BACK, since, names)
        both = now.merge(before, on=names, how="outer", suffixes=("", "_before")).fillna(
            {"n": 0, "n_before": 0}
        )
        rest = ~_inside(both, self.finding.slice, self.exploded) if self.finding.slice else both["n"] >= 0
        scale = (self.end - since) / CELLS_BACK
        if self.finding.slice and both.loc[rest, "n_before"].sum() > 0:
            scale = float(both.loc[rest, "n"].sum() / both.loc[rest, "n_before"].sum())
        both["observed"], both["expected"] = both["n"].astype(float), both["n_before"] * scale
        return both[[*names, "observed", "expected"]], tuple(names)

    @property
    def exploded(self) -> dict[str, str]:
        """Of the finding's table: dimension → what stands between its several values."""
        table = self.recommender.tables.get(self.finding.table)
        return dict(table.csv.explode) if table and table.csv else {}

    def items(self) -> pd.DataFrame | None:
        """The item table as it is now, with its declared features."""
        declared = self.recommender.items
        if declared is None:
            return None
        source = open_source(self.recommender, declared.table)
        source.require(declared.key)
        names = _present(
            source, (declared.key, *declared.features, *((declared.title,) if declared.title else ()))
        )
        return source.fetch(source.rows.select(*names).limit(ITEMS))

    def snapshots(self, since: datetime | None) -> Snapshots | None:
        """
        The items before and after the last delivery that came before `since`; of a finding about one item,
        around the one that changed it.
        """
        return last_two(self.recommender, self.finding, since, self.at)

    def snapshot_table(self) -> str | None:
        """The table that keeps what each delivery brought."""
        return delivery_table(self.recommender)

    def model(self) -> tuple[SkopsModel, CandidateColumns, str] | None:
        """The first declared model whose candidates are logged."""
        return logged_model(self.recommender)

    def candidates(
        self, table: str, columns: CandidateColumns, start: datetime, end: datetime, seed: int
    ) -> pd.DataFrame:
        """Candidates of at most 1,500 requests in [start, end), chosen by the seed."""
        source = open_source(self.recommender, table)
        source.require(columns.request, columns.item, columns.score, *columns.features)
        rows = source.between(start, end)
        known = source.fetch(rows.select(columns.request).distinct())[columns.request]
        ordered = known.sort_values()
        if len(ordered) > REQUESTS:
            ordered = ordered.sample(REQUESTS, random_state=seed)
        features = self.recommender.items.features if self.recommender.items else ()
        wanted = (
            columns.request, columns.item, columns.score, columns.member, columns.propensity, columns.shown,
            *columns.features, *features,
        )  # fmt: skip
        names = _present(source, tuple(name for name in wanted if name))
        return source.fetch(rows.filter(rows[columns.request].isin(ordered.tolist())).select(*names))

    def standby(self, since: datetime) -> Standby | None:
        """Rows of the slice since `since` in the finding's table and in its declared standby."""
        own = self.finding.table
        names = [
            h.replay.table
            for h in self.recommender.hotfixes.values()
            if h.replay and h.replay.kind == "standby"
        ]
        spare = next((n for n in (*names, f"{own}_standby") if n and n.startswith(own) and n != own), None)
        if spare is None or spare not in self.recommender.tables:
            return None
        return Standby(spare, self._rows(own, since, self.end), self._rows(spare, since, self.end))

    def beside(self, since: datetime) -> tuple[tuple[str, float, float], ...]:
        """(table, observed, expected) of the slice in other tables of events that have its dimensions."""
        answers = []
        for name, table in self.recommender.tables.items():
            logs = [model.candidates for model in self.recommender.models.values()]
            if name == self.finding.table or name in logs or not table.time or not self.finding.slice:
                continue
            if name.startswith(self.finding.table) or not {n for n, _ in self.finding.slice} <= set(
                table.dimensions
            ):
                continue
            whole, part = self._rows(name, since, self.end, ()), self._rows(name, since, self.end)
            before, mine = (
                self._rows(name, since - CELLS_BACK, since, ()),
                self._rows(name, since - CELLS_BACK, since),
            )
            if before > 0 and mine > 0:
                answers.append((name, part, whole * mine / before))
        return tuple(answers)

    def events(self, since: datetime) -> tuple[tuple[datetime, str], ...]:
        """What small tables of events (deliveries, trainings) say happened in the six hours before."""
        answers = []
        for name, table in self.recommender.tables.items():
            launches = self.recommender.launches
            if not table.time or table.dimensions or table.key or (launches and launches.table == name):
                continue
            source = open_source(self.recommender, name)
            rows = source.between(since - BACK, min(since + timedelta(minutes=15), self.at))
            times = source.fetch(rows.select(rows[TIME]).order_by(ibis.desc(TIME)).limit(5))[TIME]
            answers += [
                (moment.to_pydatetime(), f"`{name}` got a row") for moment in pd.to_datetime(times, utc=True)
            ]
        return tuple(answers)

    def _counts(self, start: datetime, width: timedelta, count: int, names: tuple[str, ...]) -> pd.DataFrame:
        grid = Grid(start, width, count, ((start, 0),), zone_of(self.recommender))
        return count_windows(
            self.recommender, self.finding.table, grid, dimensions=names, ways=max(len(names), 1)
        )

    def _rows(self, name: str, start: datetime, end: datetime, where: Slice | None = None) -> float:
        source = open_source(self.recommender, name)
        rows = source.between(start, end)
        for dimension, value in self.finding.slice if where is None else where:
            source.require(dimension)
            rows = rows.filter(rows[dimension].cast("string") == value)
        return float(source.fetch(rows.aggregate(n=rows.count()))["n"].astype(float)[0])


def _present(source: Source, names: Sequence[str]) -> list[str]:
    return [name for name in dict.fromkeys(names) if name in source.columns]


def _grouped(source: Source, start: datetime, end: datetime, names: list[str]) -> pd.DataFrame:
    rows = source.between(start, end)
    text: dict[str, Any] = {name: rows[name].cast("string").fill_null("∅ (not set)") for name in names}
    rows = rows.mutate(**text)
    return source.fetch(rows.group_by(names).aggregate(n=rows.count()))


def _inside(cells: pd.DataFrame, where: Slice, exploded: Mapping[str, str]) -> pd.Series:
    inside = pd.Series(True, index=cells.index)
    for name, value in where:
        if name in cells:
            inside &= _has(cells[name].astype(str), value, exploded.get(name))
    return inside


def _has(texts: pd.Series, value: str, mark: str | None) -> pd.Series:
    if mark is None:
        return texts == value
    return texts.str.split(mark, regex=False).map(lambda values: value in values)


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
