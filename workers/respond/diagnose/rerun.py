"""Runs logged requests again: what is read for it, and with which of the kept models."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial

import pandas as pd

from domain.diagnosis.rerun.presence import Presence
from domain.diagnosis.rerun.rerun import CURRENT, Logged, Models, rerun
from domain.diagnosis.rerun.values import Rerun
from domain.diagnosis.two_by_two import TwoByTwo, missing_of, split_change
from domain.errors import SourceError
from workers.models.logged import Log, LoggedModel, by_version, kept_model
from workers.models.process import ModelProcess
from workers.respond.diagnose.held import held_features
from workers.respond.diagnose.present import present, relations
from workers.respond.diagnose.reading import Reader

LEAST_ROWS = 0.01  # share of the rows from which a version is worth loading


@contextmanager
def models_of(
    reader: Reader, log: Log, loaded: LoggedModel | None, rows: pd.DataFrame, before: pd.DataFrame | None
) -> Iterator[Models]:
    """The model at hand, if it could be loaded, and former ones from the log whose files are kept."""

    def former(version: str) -> ModelProcess | None:
        return reader.attempt(f"The model {version}", partial(kept_model, log.declared, version))

    with by_version(loaded, _versions(log, rows, before), former) as found:
        yield Models(found, CURRENT if loaded is None else loaded.version)


def run_again(
    reader: Reader,
    log: Log,
    models: Models,
    rows: pd.DataFrame,
    before: pd.DataFrame | None,
    since: datetime,
    seed: int,
) -> Rerun:
    """
    The requests of `rows`, step by step, with what the store held and what other tables have about them.

    Raises:
        SourceError: the model took too long, or too much memory.
        TooFewRows: nothing was logged.
    """
    logged = replace(_logged(reader, log, rows, before), presence=_presence(reader, since))
    return rerun(logged, models, seed)


def split_between(
    reader: Reader,
    log: Log,
    models: Models,
    found: Rerun,
    rows: pd.DataFrame,
    before: pd.DataFrame | None,
    seed: int,
) -> TwoByTwo | None:
    """
    How much of the change in the finding's slice is due to the input, the model, serving, ranking or the
    logging. Null if nothing was logged before, or the slice is not one of logged candidates.

    Raises:
        SourceError: a model took too long, or too much memory.
        TooFewRows: too few requests.
    """
    where = reader.finding.slice
    if before is None or not len(before) or not {name for name, _ in where} <= set(rows):
        return None
    missing = missing_of(found, reader.finding.table, where)
    return split_change(rows, before, log.columns, models, where, missing=missing, seed=seed)


def _logged(reader: Reader, log: Log, rows: pd.DataFrame, before: pd.DataFrame | None) -> Logged:
    recommender, columns = reader.recommender, log.columns
    described = recommender.items.features if recommender.items else ()
    names = tuple(dict.fromkeys((*columns.features, *described)))
    held = reader.attempt(
        "What the store held", lambda: held_features(recommender, rows, columns.item, names)
    )
    past = None
    if held is not None and before is not None and len(before):
        past = reader.attempt(
            "What the store held before", lambda: held_features(recommender, before, columns.item, names)
        )
    words = tuple(
        name for name in described if name in rows and not pd.api.types.is_numeric_dtype(rows[name])
    )
    return Logged(
        rows,
        columns,
        dimensions=tuple(dict.fromkeys((*recommender.tables[log.table].dimensions, *words))),
        version=columns.version,
        before=before,
        held=held[0] if held else None,
        held_earlier=held[1] if held else None,
        held_before=past[0] if past else None,
    )


def _presence(reader: Reader, since: datetime) -> tuple[Presence, ...]:
    found = []
    for one in relations(reader.recommender):
        if reader.finding.table in (one.table, one.beside) or one.only is not None:
            answer = reader.attempt(
                f"Which rows of `{one.table}` `{one.beside}` lacks",
                partial(present, reader.recommender, one, since, reader.end),
            )
            if answer is not None:
                found.append(answer)
    return tuple(found)


def _versions(log: Log, rows: pd.DataFrame, before: pd.DataFrame | None) -> list[str]:
    name = log.columns.version
    if name is None or name not in rows:
        return []
    frames = [rows] if before is None or name not in before else [rows, before]
    shares = [frame[name].astype(str).value_counts(normalize=True) for frame in frames if len(frame)]
    counted = pd.concat(shares, axis=1).max(axis=1).sort_values(ascending=False) if shares else pd.Series()
    return [str(one) for one in counted.index[counted >= LEAST_ROWS]]


def require_right_model(reader: Reader, loaded: LoggedModel, rows: pd.DataFrame) -> None:
    """Raises SourceError if the model at hand, or those kept, did not give the logged scores."""
    if len(rows):
        with models_of(reader, loaded.log, loaded, rows, None) as models:
            columns = replace(loaded.log.columns, shown=None)
            refused = rerun(Logged(rows, columns, version=columns.version), models).refused
        if refused is not None:
            raise SourceError(f"another model scored what was logged: {refused}")
