"""How well the practice works, over the newest incidents of the log."""

from __future__ import annotations

from sqlalchemy import Engine

from domain.improvement.scorecard import Kept as Kept  # noqa: PLC0414 - handed on
from domain.improvement.scorecard import MeanTime as MeanTime  # noqa: PLC0414 - handed on
from domain.improvement.scorecard import Scorecard, score_practice
from domain.recommender.recommender import Recommender
from workers.track_record import kind_of, remembered


def read_scorecard(log: Engine, recommender: Recommender) -> Scorecard:
    """The scorecard, with promises by the kinds that menus told, else by what is declared now."""
    with log.connect() as connection:
        incidents = remembered(connection)
    return score_practice(incidents, kind_of(recommender))
