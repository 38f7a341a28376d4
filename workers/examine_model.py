"""Checks of a model held against its candidates, its trainings and what it learned from: for the doctor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from domain.answer import Advice
from domain.errors import SourceError
from domain.recommender.check import Check
from domain.recommender.recommender import Recommender
from workers.sources.exposure import declared
from workers.sources.fed import features_of
from workers.sources.ranking import OF_SCORES, places
from workers.sources.scored import number_columns, score_columns, scoring_model
from workers.sources.source import Source
from workers.sources.trainings import born_column, require_runs


def examine_model(
    recommender: Recommender, check: Check, source: Source, opened: Mapping[str, Source]
) -> Iterator[Advice]:
    """What a check asks of columns, of a model or of another table, that is not there."""
    if not set(check.columns) <= set(source.columns):
        return  # that is said of every check
    try:
        _require(recommender, check, source, opened)
    except SourceError as error:
        mend = "correct it there, or in the declaration"
        yield Advice(level="error", where=f"checks.{check.name}", says=str(error), mend=mend)


def _require(recommender: Recommender, check: Check, source: Source, opened: Mapping[str, Source]) -> None:
    match check.kind:
        case "scores":
            source.require(*score_columns(recommender, check))
        case "numeric":
            number_columns(recommender, source, check)
        case "calibration" | "metric":
            _chosen(recommender, check)
        case "skew":
            if (other := opened.get(str(check.learned_from))) is not None:
                features_of(recommender, check, source, other)
        case "training":
            require_runs(source, check)
        case "staleness":
            source.require(*filter(None, (born_column(recommender, check),)))


def _chosen(recommender: Recommender, check: Check) -> None:
    """What a check of choices needs besides its table."""
    declared(recommender)
    if check.kind == "calibration" or check.metric in OF_SCORES:
        scoring_model(recommender, check)
    else:
        places(recommender, check)
