"""The declared model whose candidates are logged, with the columns that they are logged in."""

from __future__ import annotations

from pathlib import Path

from domain.diagnosis.replay import CandidateColumns
from domain.recommender.model import Model
from domain.recommender.recommender import Recommender
from workers.models.skops_file import SkopsModel, load_model


def logged_model(recommender: Recommender) -> tuple[SkopsModel, CandidateColumns, str] | None:
    """The first of them, its columns, and the name of the table; null where there is none."""
    for declared in recommender.models.values():
        columns = _columns(declared, recommender)
        if columns is not None and declared.candidates is not None:
            return load_model(Path(declared.path)), columns, declared.candidates
    return None


def _columns(declared: Model, recommender: Recommender) -> CandidateColumns | None:
    if declared.candidates is None or not (declared.request and declared.item and declared.score):
        return None
    return CandidateColumns(
        request=declared.request,
        item=declared.item,
        score=declared.score,
        features=declared.features,
        member=recommender.tables[declared.candidates].member,
        propensity=declared.propensity,
        shown=declared.shown,
        top=declared.top,
    )
