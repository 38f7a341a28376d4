"""How well the practice works, over the newest incidents of the log."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Engine

from domain.improvement.scorecard import score_practice
from domain.incident.times import Definition
from domain.recommender.recommender import Recommender
from domain.scored import LATELY, Scorecard
from workers.audit.kept_scorecard import keep_newest
from workers.respond.resolve.track_record import kind_of, remembered
from workers.store import attachments


def read_scorecard(
    log: Engine,
    recommender: Recommender,
    at: datetime,
    since: datetime | None = None,
    beside: Sequence[Definition] = (),
) -> Scorecard:
    """
    The scorecard at a moment; promises are grouped by the kinds that menus named, or by today's declaration.

    Args:
        since: where the recent period begins; None: everything counts as recent.
        beside: further definitions by which times are computed, next to the current ones.
    """
    with log.connect() as connection:
        incidents = remembered(connection)
    return score_practice(incidents, at, since, kind_of(recommender), beside)


def keep_scorecard(log: Engine, recommender: Recommender, at: datetime) -> None:
    """Store the card with its picture for the page and the message, as what shows them imports no science."""
    from workers.pictures.scorecard import draw_scorecard  # noqa: PLC0415 - only the clock's job draws

    card = read_scorecard(log, recommender, at, at - LATELY)
    drawn = draw_scorecard(card)
    picture = attachments.keep(log, drawn) if drawn else None
    with log.begin() as connection:
        keep_newest(connection, card, picture)
