"""Scores logged candidates again with their model's file, to see which get another score."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import ibis
import numpy as np
import numpy.typing as npt
import pandas as pd

from domain.detection.data.tally import Tally, tally_of
from domain.detection.data.window import Grid
from domain.diagnosis.replay import CandidateColumns
from domain.diagnosis.rerun.agreement import agree
from domain.diagnosis.rerun.rerun import CURRENT
from domain.errors import SourceError
from domain.recommender.check import Check
from domain.recommender.recommender import Recommender
from workers.models.logged import Log, LoggedModel, by_version, kept_model, load_logged, log_in
from workers.models.process import ModelProcess
from workers.sources.aggregate.sets import ROWS, WINDOW, Names, added_up, lengthened, sets_of
from workers.sources.aggregate.sliced import windowed
from workers.sources.engines.source import Source, open_source

MOST_ROWS = 20_000  # that are computed again, over all windows together, as whole requests
PARTS = 10_000  # into which requests are divided, to sample some of them
MOST_VERSIONS = 30  # whose files are looked for, those with most rows first
OTHER, VERSION = "__other", "__version"


def recomputed_rows(recommender: Recommender, check: Check, grid: Grid, dimensions: Names) -> Tally:
    """
    Rows of the check's table over `grid` that a version logged whose file is at hand, at most about 20,000,
    and those whose score that file does not reproduce.

    The model's file is that of the version which its registry names, or of every version if there is no
    registry; the files of former versions are those that are `kept`.

    Raises:
        SourceError: the table is no model's log, or lacks a column; a model cannot be loaded, or cannot
            take what was logged; or as `open_source`.
    """
    log = required_log(recommender, check)
    loaded = load_logged(log)
    with loaded.model, open_source(recommender, log.table) as source:
        source.require(*_columns(log.columns))
        rows = _with_version(source.between(grid.start, grid.end), loaded)
        with by_version(loaded, _versions(source, rows, log), partial(kept_model, log.declared)) as models:
            rows, kept = windowed(recommender, source, _of_versions(rows, models), grid, dimensions)
            named = tuple(dict.fromkeys((WINDOW, VERSION, *kept, *_columns(log.columns))))
            drawn, part = _some(source, rows, log.columns.request)
            counted = _counted(source.fetch(drawn.select(*named)), kept, log.columns, models)
        sums = (OTHER,)
        parts = added_up({kept: counted}, sets_of(kept, check.ways), sums=sums)
        long = lengthened(source, parts, sums=sums)
    score = log.columns.score
    return replace(tally_of(long.rename(columns={OTHER: score}), grid, (score,)), part=part)


def required_log(recommender: Recommender, check: Check) -> Log:
    """
    The log of the model whose candidates the check's table holds.

    Raises:
        SourceError: there is none, or it does not declare its request, item and score.
    """
    log = log_in(recommender, str(check.table))
    if log is None:
        raise SourceError(
            f'check "{check.name}": needs the log of a model; name a table that one of [models.NAME] has as '
            "candidates, with request, item and score"
        )
    return log


def require_recomputable(recommender: Recommender, check: Check) -> None:
    """
    Check that there is something to compare.

    Raises:
        SourceError: the table is no model's log, or the model cannot be loaded.
    """
    with load_logged(required_log(recommender, check)).model:
        return


def _columns(columns: CandidateColumns) -> tuple[str, ...]:
    return columns.request, columns.score, *columns.features


def _with_version(rows: Any, loaded: LoggedModel) -> Any:
    """Rows with their version in `VERSION`; the file's own if none is logged."""
    column = loaded.log.columns.version
    logged = rows[column].cast("string") if column in rows.columns else ibis.literal(loaded.version)
    return rows.mutate(**{VERSION: logged})


def _versions(source: Source, rows: Any, log: Log) -> list[str]:
    """The versions that rows were logged with, if the files of former ones are kept."""
    if log.declared.kept is None:
        return []
    counted = rows.group_by(VERSION).aggregate(n=rows.count()).order_by(ibis.desc("n"))
    return [str(one) for one in source.fetch(counted.limit(MOST_VERSIONS))[VERSION].dropna()]


def _of_versions(rows: Any, models: Mapping[str, ModelProcess]) -> Any:
    """
    The rows that one of the models scored. A file whose version is not known (`CURRENT`) may have scored all
    others.
    """
    known = rows[VERSION].isin(list(models))
    if CURRENT in models:
        return rows.mutate(**{VERSION: known.fill_null(False).ifelse(rows[VERSION], CURRENT)})
    return rows.filter(known)


def _some(source: Source, rows: Any, request: str) -> tuple[Any, float]:
    """As many whole requests as may be computed again, the same ones each time; and the fraction they are."""
    count = int(source.fetch(rows.aggregate(n=rows.count()))["n"][0])
    if count <= MOST_ROWS:
        return rows, 1.0
    place, parts = (rows[request].cast("string").hash() % PARTS).abs(), max(1, PARTS * MOST_ROWS // count)
    return rows.filter(place < parts), parts / PARTS


def _counted(
    frame: pd.DataFrame, kept: Names, columns: CandidateColumns, models: Mapping[str, ModelProcess]
) -> pd.DataFrame:
    """Rows by window and all dimensions, and those with another score; rows without a score are left out."""
    frame = frame[pd.to_numeric(frame[columns.score], errors="coerce").notna()].reset_index(drop=True)
    judged, other = np.zeros(len(frame), dtype=bool), np.zeros(len(frame), dtype=bool)
    for version, places in frame.groupby(VERSION).indices.items():
        judged[places], other[places] = _with_another_score(frame.iloc[places], columns, models[str(version)])
    counts = frame.loc[judged, [WINDOW, *kept]]
    counts[ROWS], counts[OTHER] = 1.0, other[judged].astype(float)
    return counts.groupby([WINDOW, *kept], dropna=False, observed=True, sort=False).sum().reset_index()


def _with_another_score(
    frame: pd.DataFrame, columns: CandidateColumns, model: ModelProcess
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """(rows,) which could be computed again; and which of those have another score than was logged."""
    features = frame[list(columns.features)]
    judged = np.ones(len(frame), dtype=bool)
    try:
        readings = model.readings(features)
    except SourceError:  # rows that the model cannot take were not given to it as they are logged
        judged = features.notna().all(axis=1).to_numpy(bool)
        if judged.all():
            raise
        if not judged.any():
            return judged, judged
        readings = model.readings(features[judged])
    coarse = any(features[name].dtype == np.float32 for name in features)
    found = agree(frame.loc[judged, columns.score], readings, model.kind, coarse=coarse)
    other = np.zeros(len(frame), dtype=bool)
    other[judged] = ~found.agrees
    return judged, other
