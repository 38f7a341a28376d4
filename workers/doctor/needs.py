"""Compares a check's needs with tables, models and a registry, for `recsysops doctor`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

from domain.answer import Advice
from domain.detection import needs as n
from domain.errors import SourceError
from domain.recommender.check import Check
from domain.recommender.keys.nearest import nearest
from domain.recommender.options import (
    AsOf,
    Beside,
    Compared,
    Keyed,
    LearnedFrom,
    Matched,
    OfColumns,
    Ranking,
    Referring,
    Serving,
    Staged,
    Types,
)
from domain.recommender.recommender import Recommender
from workers.models.recomputed import require_recomputable
from workers.models.registry import released
from workers.sources.aggregate.choices import ranking_model
from workers.sources.aggregate.exposure import declared
from workers.sources.engines.column_kinds import kind_of, types_now
from workers.sources.engines.source import Source
from workers.sources.logged.by_rank import columns_of, shown_by
from workers.sources.logged.feature_skew import features_of
from workers.sources.logged.ranking import OF_SCORES, places
from workers.sources.logged.scored import number_columns, score_columns, scoring_model
from workers.sources.logged.served import per_column, require_item, served_by, version_column
from workers.sources.logged.trainings import born_column, require_runs

Opened = Mapping[str, Source]
Examine = Callable[[Recommender, Check, Source, Opened], Iterator[Advice]]
LOGICAL = ("boolean", "integer")


def absent_columns(where: str, names: Iterable[str], source: Source) -> Iterator[Advice]:
    """An error for each column that the table lacks, with the nearest right name."""
    for name in names:
        if name not in source.columns:
            says = f'table "{source.table.name}" has no column "{name}"'
            yield Advice(level="error", where=where, says=says, fix=nearest(name, source.columns))


def _latency(recommender: Recommender, check: Check, source: Source, _opened: Opened) -> Iterator[Advice]:
    yield from _per(recommender, check, source)
    where, column = f"checks.{check.name}.measure", str(check.measure)
    yield from absent_columns(where, (column,), source)
    if column in source.columns and (held := kind_of(source.rows[column])) not in ("integer", "number"):
        says = f"{column} holds {held}, no time in numbers"
        yield Advice(
            level="error", where=where, says=says, fix="name the column with the time that was taken"
        )


def _versions(recommender: Recommender, check: Check, source: Source, _opened: Opened) -> Iterator[Advice]:
    yield from _per(recommender, check, source)
    where = f"checks.{check.name}"
    try:
        yield from absent_columns(where, (version_column(recommender, check),), source)
        model = served_by(recommender, check)
        if model is not None and model.registry is not None:
            released(model.name, model.registry)
        elif not Serving.of(check).versions:
            says = "nothing says which version should serve"
            fix = "add versions = {v7 = 1.0}, or a registry to the model"
            yield Advice(level="error", where=where, says=says, fix=fix)
    except SourceError as error:
        yield Advice(level="error", where=where, says=str(error), fix="correct the model or the check")


def _stages(recommender: Recommender, check: Check, source: Source, opened: Opened) -> Iterator[Advice]:
    yield from absent_columns(f"checks.{check.name}", tuple(Matched.of(check).on), source)
    where = f"checks.{check.name}.stages"
    for stage in Staged.of(check).stages:
        if stage in source.columns:
            if (held := kind_of(source.rows[stage])) not in LOGICAL:
                says = f"{stage} holds {held}, not whether a row got through"
                yield Advice(level="error", where=where, says=says, fix="name a column of true and false")
        elif stage in recommender.tables:
            yield from _beside(check, stage, (), source, opened)
        else:
            right = (*source.columns, *recommender.tables)
            says = f'"{stage}" is no column of "{source.table.name}" and no declared table'
            yield Advice(level="error", where=where, says=says, fix=nearest(stage, right))


def _beside(
    check: Check, name: str, values: Collection[str], source: Source, opened: Opened
) -> Iterator[Advice]:
    """What is needed from a table in which rows are looked up."""
    where = f"checks.{check.name}"
    on = Matched.of(check).on
    if not on:
        says = f'says not how a row is found in "{name}"'
        yield Advice(level="error", where=where, says=says, fix='add on = {request_id = "request_id"}')
    if name not in opened:
        return  # why it cannot be opened is reported for the table
    other = opened[name]
    yield from absent_columns(where, (*on.values(), *values), other)
    if other.table.time is None and other.table.key not in on.values():
        says = f'table "{name}" declares no time, so that there is no saying which of its rows to look in'
        fix = 'add time = "…" to it, or key = "…" where it holds the current state'
        yield Advice(level="error", where=where, says=says, fix=fix)
    if other.table.url != source.table.url and source.connection.name != "duckdb":
        says = f'tables "{source.table.name}" and "{name}" are in two places'
        yield Advice(level="error", where=where, says=says, fix="declare them where one question sees both")


def _keys(_recommender: Recommender, check: Check, source: Source, _opened: Opened) -> Iterator[Advice]:
    if not (Keyed.of(check).key or source.table.key):
        where = f"checks.{check.name}"
        yield Advice(level="error", where=where, says="names no key", fix='add key = ["…"]')


def _references(recommender: Recommender, check: Check, source: Source, opened: Opened) -> Iterator[Advice]:
    where = f"checks.{check.name}"
    references = Referring.of(check).references
    if not (references or (recommender.items and source.table.item)):
        fix = 'add references = {member_id = "members.member_id"}'
        yield Advice(level="error", where=where, says="names nothing that refers to another table", fix=fix)
    for target in references.values():
        name, _dot, key = target.partition(".")
        if name not in recommender.tables:
            says = f'table "{name}" is not declared'
            yield Advice(level="error", where=where, says=says, fix=nearest(name, recommender.tables))
        elif name in opened and key not in opened[name].columns:
            says = f'table "{name}" has no column "{key}"'
            yield Advice(level="error", where=where, says=says, fix=nearest(key, opened[name].columns))


def _types(_recommender: Recommender, check: Check, source: Source, _opened: Opened) -> Iterator[Advice]:
    types = Types.of(check).types
    now = types_now(source) if types else {}
    for column, held in types.items():
        if now.get(column) not in (held, "integer" if held == "number" else held):
            says = f"{column} should hold {held}; it holds {now.get(column, 'nothing: it is gone')}"
            where = f"checks.{check.name}.types"
            yield Advice(level="warning", where=where, says=says, fix="correct types")


def _matched(_recommender: Recommender, check: Check, source: Source, opened: Opened) -> Iterator[Advice]:
    keys = Compared.of(check)
    yield from absent_columns(f"checks.{check.name}", (*keys.on, *keys.compare), source)
    yield from _beside(check, str(keys.beside), keys.compare.values(), source, opened)


def _ages(recommender: Recommender, check: Check, source: Source, opened: Opened) -> Iterator[Advice]:
    if column := born_column(recommender, check):
        yield from absent_columns(f"checks.{check.name}", (column,), source)
    if (beside := Beside.of(check).beside) is not None:
        born = AsOf.of(check).as_of
        yield from _beside(check, beside, () if born is None else (born,), source, opened)


def _per(recommender: Recommender, check: Check, source: Source) -> Iterator[Advice]:
    if per := per_column(recommender, check):
        yield from absent_columns(f"checks.{check.name}.per", (per,), source)


def _required(require: Callable[[Recommender, Check, Source, Opened], Any]) -> Examine:
    """An examination by a requirement, which raises if it is not met."""

    def examine(recommender: Recommender, check: Check, source: Source, opened: Opened) -> Iterator[Advice]:
        if not set(OfColumns.of(check).columns) <= set(source.columns):
            return  # that is reported for every check
        try:
            require(recommender, check, source, opened)
        except SourceError as error:
            fix = "correct it there, or in the declaration"
            yield Advice(level="error", where=f"checks.{check.name}", says=str(error), fix=fix)

    return examine


def _ranked(recommender: Recommender, check: Check, _source: Source, _opened: Opened) -> None:
    declared(recommender)
    if Ranking.of(check).metric in OF_SCORES:
        scoring_model(recommender, check)
    else:
        places(recommender, check)


def _shown(recommender: Recommender, check: Check, source: Source, _opened: Opened) -> None:
    source.require(*columns_of(shown_by(recommender, check)))


def _low_ranked(recommender: Recommender, check: Check, _source: Source, _opened: Opened) -> None:
    if recommender.exposure is not None:  # otherwise that is reported where it is missed
        ranking_model(recommender, check)


def _scored(recommender: Recommender, check: Check, _source: Source, _opened: Opened) -> None:
    declared(recommender)
    scoring_model(recommender, check)


def _fed(recommender: Recommender, check: Check, source: Source, opened: Opened) -> None:
    if (other := opened.get(str(LearnedFrom.of(check).learned_from))) is not None:
        features_of(recommender, check, source, other)


EXAMINED: Mapping[type[n.Needs[Any]], Examine] = {
    n.RepeatedKeys: _keys,
    n.DanglingReferences: _references,
    n.ColumnTypes: _types,
    n.StageFlow: _stages,
    n.UnmatchedRows: _matched,
    n.KeptRows: _matched,
    n.DifferingRows: _matched,
    n.LowRankedChoices: _required(_low_ranked),
    n.ExposureByRank: _required(_shown),
    n.RowsByItem: _required(lambda _r, check, source, _o: require_item(check, source)),
    n.RecomputedScores: _required(
        lambda recommender, check, _s, _o: require_recomputable(recommender, check)
    ),
    n.AnswerTimes: _latency,
    n.ServedVersions: _versions,
    n.ScoreHistograms: _required(
        lambda recommender, check, source, _o: source.require(*score_columns(recommender, check))
    ),
    n.UnusualNumbers: _required(
        lambda recommender, check, source, _o: number_columns(recommender, source, check)
    ),
    n.RankingQuality: _required(_ranked),
    n.ScoredChoices: _required(_scored),
    n.FeatureSkew: _required(_fed),
    n.TrainingRuns: _required(lambda _t, check, source, _o: require_runs(source, check)),
    n.ServingAges: _ages,
}
"""What is needed → what can be said about it beforehand; nothing about what is not here."""
