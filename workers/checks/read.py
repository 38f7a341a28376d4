"""
Reads what checks need: one table maps each need to the function that asks the engine.

A kind states its need as a value from `domain.detection.needs`; this module says how each need is answered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import ibis
import numpy as np
import pandas as pd
from ibis import _

from domain.detection import needs as n
from domain.detection.data.arrivals import Feeds
from domain.detection.data.check_run import CheckRun
from domain.detection.data.columns import Columns
from domain.detection.data.counts import NOT_SET, Counts, counts_of
from domain.detection.data.histogram import Histograms
from domain.detection.data.metric import Metric
from domain.detection.data.ratio_cells import RatioCells
from domain.detection.data.served import Served
from domain.detection.data.tally import Tally
from domain.detection.data.trainings import Ages, Runs
from domain.detection.data.window import WINDOW
from domain.detection.exposure.against_engagement import Engagement
from domain.detection.judge.promise import is_promise
from domain.detection.judge.proportion import TOGETHER
from domain.detection.judge.state import CheckState
from domain.errors import OwnCheckError, SourceError, TooFewRows
from domain.recommender.options import Divided, Serving
from domain.recommender.recommender import Recommender
from domain.values import Finding
from workers.checks.tape import question, running
from workers.models.recomputed import recomputed_rows
from workers.models.registry import should_serve
from workers.sources.aggregate import exposure, sets
from workers.sources.aggregate.count import arrivals_in, count_windows
from workers.sources.aggregate.histogram import histogram_rows
from workers.sources.aggregate.series import ratio_cells, series_of
from workers.sources.aggregate.sets import MAX_COUNTS, Names
from workers.sources.aggregate.sliced import windowed
from workers.sources.engines.column_kinds import types_now
from workers.sources.engines.source import Source, open_source
from workers.sources.flagged.example import example_of
from workers.sources.flagged.flags import (
    Flag,
    Flagged,
    FlagRequest,
    flag_domain,
    flag_duplicates,
    flag_misses,
    flag_missing,
    flag_references,
    flagged,
    tally_rows,
    wrong_windows,
)
from workers.sources.logged.distributions import fed_rows, latency_rows
from workers.sources.logged.numbers import PastNumbers, flag_numeric, past_numbers
from workers.sources.logged.scored import metric_rows, outcome_rows, score_columns
from workers.sources.logged.served import (
    flag_disagreements,
    flag_items,
    flag_joins,
    flag_sampling,
    flag_shown,
    flag_stages,
    flag_versions,
)
from workers.sources.logged.trainings import ages_of, training_runs

MAX_BINS = 20_000  # time bins in which arrivals are looked for

Read = Callable[[CheckRun, Any, CheckState], Any]


@dataclass(frozen=True)
class Reader:
    """
    How one need is answered: `read` for one look, `at_once` for all looks that its grid covers, where that is
    another question; `alone` says which of those looks still have to ask by themselves. `flag` says which
    rows break a promise, where it can be one. If `moments`, the kind itself cuts the shared answer to the
    moment a look is taken. If `within`, the question uses the check's own `within`.
    """

    read: Read
    at_once: Callable[[CheckRun, Any], Any] | None = None
    alone: Callable[[CheckRun, CheckState], bool] = lambda _look, _memory: False
    flag: Flag | None = None
    moments: bool = False
    within: bool = False


def read(run: CheckRun, need: n.Needs[Any], columns: Names, memory: CheckState) -> Any:
    """
    Read what is needed for a look.

    Args:
        columns: those that the table must have.
        memory: times to learn nothing from, where the engine learns.

    Raises:
        SourceError: a table cannot be read as declared, or lacks a column that the kind names.
        TooFewRows: it is too early to say what to expect. OwnCheckError: nothing answers this need.
    """
    reader = reader_of(run, need)

    def ask() -> Any:
        if columns:
            with open_source(run.recommender, str(run.check.table)) as source:
                source.require(*columns)
        return reader.read(run, need, memory)

    if (tape := running()) is None:
        return ask()
    return tape.answer(question(run, need, at_once=False, within=reader.within, memory=memory), ask)


def read_at_once(run: CheckRun, need: n.Needs[Any]) -> Any:
    """
    Read the same for all windows of the look's grid; `until` then cuts it for each look.

    Raises:
        SourceError: as `read`; or the looks have too little in common.
    """
    reader, nothing = reader_of(run, need), CheckState()

    def ask() -> Any:
        return reader.at_once(run, need) if reader.at_once else reader.read(run, need, nothing)

    if (tape := running()) is None:
        return ask()
    return tape.answer(question(run, need, at_once=True, within=reader.within, memory=nothing), ask)


def reader_of(run: CheckRun, need: n.Needs[Any]) -> Reader:
    """
    The reader that answers this need.

    Raises:
        OwnCheckError: there is none.
    """
    if (reader := READERS.get(type(need))) is None:
        raise OwnCheckError(
            f'kind "{run.check.kind}": needs {type(need).__name__}; write RowCounts(), WrongRows(…), '
            "ColumnHistograms(…) or OwnExpression(…), or another of domain.detection.needs"
        )
    return reader


def example(run: CheckRun, need: n.Needs[Any], finding: Finding) -> str | None:
    """
    A row that breaks the promise that `finding` is about, in words. None if it is about none, or if answers
    are being recorded or played back: recordings hold no single rows.

    Raises:
        SourceError: the table cannot be read as declared.
    """
    flag = reader_of(run, need).flag
    if running() is not None or flag is None or not is_promise(finding):
        return None
    return example_of(run, flag, finding)


def _counts(run: CheckRun, _need: n.RowCounts, _memory: CheckState) -> Counts:
    check = run.check
    frame = count_windows(
        run.recommender,
        str(check.table),
        run.grid,
        dimensions=run.dimensions,
        ways=check.ways,
        measure=check.measure,
    )
    return counts_of(frame, run.grid)


def _counts_or_ratio(run: CheckRun, _need: n.CountsOrRatio, memory: CheckState) -> Counts | RatioCells:
    if Divided.of(run.check).divided:
        return ratio_cells(run.recommender, run.check, run.grid, run.dimensions)
    return _counts(run, n.RowCounts(), memory)


def _arrivals(run: CheckRun, _need: n.Arrivals, _memory: CheckState) -> Feeds:
    width = run.silence_width
    back = min(run.history, MAX_BINS * width)
    first = run.end if run.first is None else run.first
    name, measure = str(run.check.table), run.check.measure
    feeds = arrivals_in(run.recommender, name, first - back, run.end, width, run.dimensions, measure)
    return replace(feeds, back=back.total_seconds())


def _series(run: CheckRun, _need: n.AggregateByWindow, _memory: CheckState) -> Metric:
    return series_of(run.recommender, run.check, run.grid, run.dimensions)


def _ranking(run: CheckRun, _need: n.RankingQuality, _memory: CheckState) -> Metric:
    return metric_rows(run.recommender, run.check, run.grid, run.dimensions)


def _tally(flag: Flag) -> Read:
    def read(run: CheckRun, _need: Any, memory: CheckState) -> Tally:
        return tally_rows(run.recommender, run.check, run.grid, run.dimensions, memory, flag)

    return read


def _wrong_rows(run: CheckRun, need: n.WrongRows, _memory: CheckState) -> Tally:
    def flag(_recommender: Recommender, _source: Source, rows: Any, _asked: FlagRequest) -> Flagged:
        return flagged(rows, need.wrong(rows, run.options))

    return tally_rows(run.recommender, run.check, run.grid, run.dimensions, CheckState(), flag)


def _numbers_at_once(run: CheckRun, _need: n.UnusualNumbers) -> PastNumbers:
    history = max(1, int(run.history / run.grid.width))
    return past_numbers(run.recommender, run.check, run.grid, run.dimensions, history)


def _learns_less(run: CheckRun, memory: CheckState) -> bool:
    """Whether what is usual is learned from fewer than all of the windows before."""
    spans = wrong_windows(run.grid, memory)
    return any(last >= 0 and first < run.grid.count - 1 for first, last in spans)


def _served(run: CheckRun, _need: n.ServedVersions, memory: CheckState) -> Served:
    asked = should_serve(run.recommender, run.check, run.start)
    if asked is None:
        raise TooFewRows("another version has just been released")
    tally = tally_rows(run.recommender, asked, run.grid, run.dimensions, memory, flag_versions)
    earliest = run.start - (TOGETHER - 1) * run.grid.width
    steady = should_serve(run.recommender, run.check, earliest) is not None
    return Served(tally, Serving.of(asked).versions, steady)


def _histograms(run: CheckRun, need: n.ColumnHistograms, _memory: CheckState) -> Histograms:
    columns = tuple(need.columns(run.options))
    return histogram_rows(run.recommender, run.check, columns, run.grid, run.dimensions)


def _scores(run: CheckRun, _need: n.ScoreHistograms, _memory: CheckState) -> Histograms:
    columns = score_columns(run.recommender, run.check)
    return histogram_rows(run.recommender, run.check, columns, run.grid, run.dimensions)


def _types(run: CheckRun, _need: n.ColumnTypes, _memory: CheckState) -> Columns:
    with open_source(run.recommender, str(run.check.table)) as source:
        return Columns(types_now(source), run.start, run.end, run.end - run.history)


def _runs(run: CheckRun, _need: n.TrainingRuns, _memory: CheckState) -> Runs:
    return training_runs(run.recommender, run.check, run.end - run.history, run.end)


def _ages(run: CheckRun, _need: n.ServingAges, _memory: CheckState) -> Ages:
    start, width = run.end - run.history, run.grid.width
    return ages_of(run.recommender, run.check, start, run.end, width)


def _engagement(run: CheckRun, _need: n.EngagementBefore, _memory: CheckState) -> Engagement:
    recommender, check = run.recommender, run.check
    declared = exposure.declared(recommender)
    if check.table != declared.shown:
        raise SourceError(
            f'check "{check.name}": looks at "{check.table}", and what was shown is in "{declared.shown}"; '
            f'write table = "{declared.shown}"'
        )
    since = run.start - declared.history
    return Engagement(
        since=since,
        start=run.start,
        end=run.end,
        before=exposure.engagement(recommender, since, run.start),
        now=exposure.engagement(recommender, run.start, run.end),
        items=exposure.items_beside(recommender),
        item=str(recommender.tables[declared.shown].item),
        launch=recommender.items.launch if recommender.items else None,
        by_chance=bool(declared.explored),
    )


def _expression(run: CheckRun, need: n.OwnExpression, _memory: CheckState) -> pd.DataFrame:
    check, grid = run.check, run.grid
    with open_source(run.recommender, str(check.table)) as source:
        rows = source.between(grid.start, grid.end)
        rows, kept = windowed(run.recommender, source, rows, grid, run.dimensions)
        question = need.ask(rows.rename({WINDOW: sets.WINDOW}), run.options, kept)
        if not isinstance(question, ibis.expr.types.Table) or WINDOW not in question.columns:
            raise OwnCheckError(
                f'kind "{check.kind}": its expression has to be a table with the column {WINDOW!r}: group '
                "by it"
            )
        inside = question.filter(_[WINDOW] >= 0, _[WINDOW] < grid.count)
        frame = source.fetch(inside.limit(MAX_COUNTS + 1))
    if len(frame) > MAX_COUNTS:
        raise SourceError(
            f'table "{check.table}": more than {MAX_COUNTS:,} rows come back for kind "{check.kind}"; '
            "aggregate more, or declare fewer dimensions or a shorter history"
        )
    frame[WINDOW] = frame[WINDOW].astype(np.int64)
    for name in kept:
        if name in frame.columns:
            frame[name] = frame[name].astype("object").where(frame[name].notna(), NOT_SET)
    return frame


def _sliced(rows: Callable[..., Any]) -> Read:
    """A reader that passes on a look's check, grid and dimensions."""

    def read(run: CheckRun, _need: Any, _memory: CheckState) -> Any:
        return rows(run.recommender, run.check, run.grid, run.dimensions)

    return read


READERS: Mapping[type[n.Needs[Any]], Reader] = {
    n.RowCounts: Reader(_counts),
    n.CountsOrRatio: Reader(_counts_or_ratio),
    n.Arrivals: Reader(_arrivals, moments=True),
    n.AggregateByWindow: Reader(_series),
    n.RankingQuality: Reader(_ranking),
    n.WrongRows: Reader(_wrong_rows),
    n.MissingValues: Reader(_tally(flag_missing), flag=flag_missing),
    n.OutsideDomain: Reader(_tally(flag_domain), flag=flag_domain),
    n.RepeatedKeys: Reader(_tally(flag_duplicates), flag=flag_duplicates),
    n.DanglingReferences: Reader(_tally(flag_references), flag=flag_references),
    n.LowRankedChoices: Reader(_tally(flag_misses)),
    n.UnusualNumbers: Reader(_tally(flag_numeric), _numbers_at_once, _learns_less),
    n.UnmatchedRows: Reader(_tally(flag_joins), within=True),
    n.KeptRows: Reader(_tally(flag_sampling), within=True),
    n.DifferingRows: Reader(_tally(flag_disagreements), within=True),
    n.RecomputedScores: Reader(_sliced(recomputed_rows)),
    n.ExposureByRank: Reader(_tally(flag_shown)),
    n.RowsByItem: Reader(_tally(flag_items)),
    n.StageFlow: Reader(_tally(flag_stages), within=True),
    n.ServedVersions: Reader(_served, within=True),
    n.ColumnHistograms: Reader(_histograms),
    n.ScoreHistograms: Reader(_scores),
    n.AnswerTimes: Reader(_sliced(latency_rows)),
    n.ColumnTypes: Reader(_types),
    n.ScoredChoices: Reader(_sliced(outcome_rows)),
    n.FeatureSkew: Reader(_sliced(fed_rows)),
    n.TrainingRuns: Reader(_runs),
    n.ServingAges: Reader(_ages),
    n.EngagementBefore: Reader(_engagement),
    n.OwnExpression: Reader(_expression),
}
"""Every need, and what reads it."""
