"""Compares the declared models with their logs and their files, for `recsysops doctor`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path

from domain.answer import Advice
from domain.detection.data.window import grid_until
from domain.errors import SourceError
from domain.recommender.check import Check
from domain.recommender.model import Model
from domain.recommender.recommender import Recommender
from workers.doctor.tables import absent_columns
from workers.models.logged import limits_of, log_in
from workers.models.process import open_model
from workers.models.recomputed import recomputed_rows
from workers.sources.aggregate.profile import profile
from workers.sources.engines.source import Source

SHORTLY = timedelta(microseconds=1)
MOST_OTHERS = 0.5  # of the logged scores; if more differ, the file or its columns are not the serving ones


def examine_model(
    recommender: Recommender, model: Model, opened: Mapping[str, Source], now: datetime
) -> Iterator[Advice]:
    """Columns missing from its log, a file that cannot be loaded, logged scores that it cannot reproduce."""
    where = f"models.{model.name}"
    source = opened.get(model.candidates or "")
    logged = (model.request, model.item, model.score, model.rank, model.shown, model.propensity)
    asked = (*logged, model.inclusion, model.version, *model.features)
    yield from absent_columns(where, asked, source)
    file = Path(model.path)
    if not file.is_file():
        yield Advice(
            level="error", where=f"{where}.path", says=f"there is no file {file}", fix="train the model"
        )
        return
    broken = list(_file(model, file, f"{where}.path"))
    yield from broken
    if source is not None and model.score in source.columns and not broken:
        yield from _scores(recommender, source, now, f"{where}.features")


def _file(model: Model, file: Path, where: str) -> Iterator[Advice]:
    """Whether the file loads in a process of its own, and what input it takes."""
    try:
        with open_model(file, limits_of(model)) as loaded:
            takes, note = loaded.takes, loaded.note
    except SourceError as error:
        fix = (
            "save a scikit-learn model of known parts with skops.io.dump, others as .onnx or LightGBM's .txt"
        )
        yield Advice(level="error", where=where, says=str(error), fix=fix)
        return
    if note:
        yield Advice(level="warning", where=where, says=note, fix="train it with this scikit-learn")
    if takes is not None and takes != len(model.features):
        says = f"the model takes {takes} features, {len(model.features)} are declared"
        yield Advice(level="error", where=where, says=says, fix="declare what it was trained with")


def _scores(recommender: Recommender, source: Source, now: datetime, where: str) -> Iterator[Advice]:
    """Whether the newest logged scores can be reproduced: if not, the file or its columns are other ones."""
    table = source.table
    if log_in(recommender, table.name) is None or table.time not in source.columns:
        return
    newest = profile(source, now).last
    if newest is None:
        return
    grid = grid_until(newest + SHORTLY, table.window, table.window, recommender.zone)
    asked = Check(name=where, kind=where, table=table.name, ways=1)
    tally = recomputed_rows(recommender, asked, grid, ())
    rows, others = float(tally.rows[:, 0].sum()), float(tally.bad[:, 0, 0].sum())
    if rows and others > MOST_OTHERS * rows:
        says = f"of the {rows:,.0f} newest logged scores, the model's file computes {others:,.0f} otherwise"
        fix = "name the features in the order that it takes, the column of its score, the file that serves"
        yield Advice(level="warning", where=where, says=says, fix=fix)
