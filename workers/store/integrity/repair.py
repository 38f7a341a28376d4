"""
Rebuilds cards that somebody else wrote, reset or removed, from the events, a few at a time.

Decisions and displays never trust such a card. But obligations and open incidents are found by the
cards' columns: without this, what somebody hid would stay hidden.
"""

from __future__ import annotations

import structlog
from sqlalchemy import Engine

from domain.errors import LogError, VersionConflict
from domain.incident.events import CARDLESS
from workers.store import cards
from workers.store.integrity.numbers import next_number
from workers.store.integrity.rebuild import made_again

POSITIONS_AT_ONCE = 500

_logged = structlog.get_logger(__name__)
_STREAMS = """
SELECT DISTINCT events.stream FROM log JOIN events ON events.id = log.event_id
WHERE position > %(after)s AND position <= %(after)s + %(most)s AND stream <> ALL(%(cardless)s)
AND NOT EXISTS (SELECT FROM archived WHERE archived.stream = events.stream)
"""


class Repairs:
    """Goes through the log's incidents again and again, a few on each call."""

    def __init__(self, log: Engine) -> None:
        self._log = log
        self._reached = 0

    def go_on(self, most: int = POSITIONS_AT_ONCE) -> list[str]:
        """The streams whose cards had to be rebuilt, of those at the next `most` positions."""
        with self._log.begin() as connection:
            next_number(connection)  # which removes what no event made
        self._reached, repaired = repair(self._log, self._reached, most)
        for stream in repaired:
            _logged.warning("card_made_again", stream=stream)
        return repaired


def repair(log: Engine, after: int, most: int) -> tuple[int, list[str]]:
    """
    Rebuild the cards that are not ours, for the incidents with an event at the next `most` positions.

    Returns:
        Where to continue, 0 at the end of the log; and the streams whose cards were rebuilt.
    """
    with log.connect() as connection:
        asked = {"after": after, "most": most, "cardless": list(CARDLESS)}
        streams = list(connection.exec_driver_sql(_STREAMS, asked).scalars())
        wrong = cards.not_ours(connection, streams)
        end = connection.exec_driver_sql("SELECT max(position) FROM log").scalar_one() or 0
    repaired = [stream for stream in wrong if _repaired_stream(log, stream)]
    return (after + most if after + most < end else 0), repaired


def _repaired_stream(log: Engine, stream: str) -> bool:
    try:
        made_again(log, stream)
    except (LogError, VersionConflict):
        return False  # reported by `events verify`
    return True
