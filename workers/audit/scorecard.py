"""How well the practice works, over the newest incidents of the log."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Engine

from domain.improvement.scorecard import Kept as Kept  # noqa: PLC0414 - handed on
from domain.improvement.scorecard import MeanTime as MeanTime  # noqa: PLC0414 - handed on
from domain.improvement.scorecard import Scorecard as Scorecard  # noqa: PLC0414 - handed on
from domain.improvement.scorecard import score_practice
from domain.recommender.recommender import Recommender
from workers.respond.resolve.track_record import kind_of, remembered


def read_scorecard(log: Engine, recommender: Recommender, since: datetime | None = None) -> Scorecard:
    """
    The scorecard, with promises by the kinds that menus told, else by what is declared now.

    Args:
        since: only of incidents that were opened then or later.
    """
    with log.connect() as connection:
        incidents = [one for one in remembered(connection) if since is None or one.opened_at >= since]
    return score_practice(incidents, kind_of(recommender))
