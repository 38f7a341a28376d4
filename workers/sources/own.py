"""What a check of a team's own needs, read: counts, wrong rows, histograms, or an expression of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ibis
import numpy as np
import pandas as pd
from ibis import _

from domain.detection.counts import counts_of
from domain.detection.judgement import Data
from domain.detection.own import WINDOW, ColumnHistograms, OwnCheck, OwnExpression, RowCounts, WrongRows
from domain.detection.state import CheckState
from domain.detection.window import Grid
from domain.errors import OwnCheckError, SourceError
from domain.recommender.check import Check
from domain.recommender.recommender import Recommender
from workers.sources import sets
from workers.sources.count import count_windows
from workers.sources.flags import Asked, Flagged, flagged
from workers.sources.grouped import windowed
from workers.sources.histogram import histogram_rows
from workers.sources.sets import MAX_COUNTS, Names
from workers.sources.source import Source, open_source
from workers.sources.tally import tally_rows


def read_own(
    recommender: Recommender,
    own: OwnCheck[Any, Any],
    options: Any,
    check: Check,
    grid: Grid,
    dimensions: Names,
) -> Data:
    """
    The check's table over `grid`, as the kind needs it.

    Raises:
        SourceError: the table cannot be read as declared, or lacks a column that the kind names.
        OwnCheckError: the expression is none that gives windows.
    """
    if columns := tuple(own.columns(options)):
        with open_source(recommender, str(check.table)) as source:
            source.require(*columns)
    match own.needs:
        case RowCounts():
            frame = count_windows(
                recommender,
                str(check.table),
                grid,
                dimensions=dimensions,
                ways=check.ways,
                measure=check.measure,
            )
            return counts_of(frame, grid)
        case WrongRows(wrong):

            def flag(_recommender: Recommender, _source: Source, rows: Any, _asked: Asked) -> Flagged:
                return flagged(rows, wrong(rows, options))

            return tally_rows(recommender, check, grid, dimensions, CheckState(), flag)
        case ColumnHistograms(of):
            cut = check.model_copy(update={"columns": tuple(of(options))})
            return histogram_rows(recommender, cut, grid, dimensions)
        case OwnExpression(ask):
            return _asked(recommender, lambda rows, names: ask(rows, options, names), check, grid, dimensions)
    raise OwnCheckError(
        f'kind "{own.kind}": needs {type(own.needs).__name__}; write RowCounts(), WrongRows(…), '
        "ColumnHistograms(…) or OwnExpression(…)"
    )


def _asked(
    recommender: Recommender, ask: Callable[[Any, Names], Any], check: Check, grid: Grid, dimensions: Names
) -> pd.DataFrame:
    with open_source(recommender, str(check.table)) as source:
        rows = source.between(grid.start, grid.end)
        rows, kept = windowed(recommender, source, rows, grid, dimensions)
        question = ask(rows.rename({WINDOW: sets.WINDOW}), kept)
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
            frame[name] = frame[name].astype("object").where(frame[name].notna(), sets.NOT_SET)
    return frame
