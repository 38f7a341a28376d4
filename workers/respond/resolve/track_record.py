"""What past promises of hotfixes came to, read from the cards of the newest incidents."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta

from sqlalchemy import Connection

from domain.errors import ConfigurationError
from domain.improvement.rehearsal import Rehearsed, newest_of
from domain.incident.state import Incident, Outcome
from domain.recommender.hotfix import DeclaredHotfix
from domain.recommender.recommender import Recommender
from domain.resolution.track_record import TrackRecord, track_record
from workers.declaration.hotfix_kinds import find
from workers.log.obligations import Work
from workers.log.rehearsals import rehearsals
from workers.store import cards

REMEMBERED = 500
"""The number of newest incidents whose promises are remembered."""
REHEARSED = timedelta(days=90)
"""For how long a rehearsal is remembered."""


def record_before(work: Work, recommender: Recommender) -> TrackRecord:
    """The record as it was when the work began, without its own incident."""
    with work.log.connect() as connection:
        past = remembered(connection)
        rehearsed = rehearsals(connection, work.at)
    others = (one for one in past if one.stream != work.incident.stream)
    outcomes = [one for one in outcomes_of(others) if one.at <= work.at]
    lately = [one.event for one in rehearsed if work.at - one.at <= REHEARSED]
    by_day = {(one.hotfix, one.day): one for one in lately}
    useless = useless_of(recommender, rehearsed)
    return track_record(outcomes, kind_of(recommender), by_day.values(), useless)


def useless_of(recommender: Recommender, rehearsed: Iterable[Rehearsed]) -> Mapping[str, str]:
    """The deployer's name for a hotfix → why it repaired nothing when it was last rehearsed."""
    newest = newest_of(rehearsed)
    return {
        call: f"{last.event.says} ({last.event.day})"
        for call, hotfix in _calls(recommender)
        if (last := newest.get(hotfix.name)) is not None and last.event.verdict == "nothing"
    }


def remembered(connection: Connection, limit: int = REMEMBERED) -> list[Incident]:
    """The newest incidents, at most `limit`, whatever has become of them."""
    return cards.page(connection, limit=limit)


def outcomes_of(incidents: Iterable[Incident]) -> list[Outcome]:
    """What was measured of these incidents' hotfixes; in a false alarm there was nothing to repair."""
    real = (one for one in incidents if one.resolved_how != "false_alarm")
    return [outcome for incident in real for outcome in incident.outcomes]


def kind_of(recommender: Recommender) -> Callable[[Outcome], str | None]:
    """
    The name of the kind of an outcome's hotfix: as its menu said, else (on an older menu) as it is declared.
    """
    declared = _kinds_by_call(recommender)
    return lambda outcome: outcome.promise.kind or declared.get(outcome.promise.hotfix)


def _kinds_by_call(recommender: Recommender) -> Mapping[str, str]:
    """The deployer's name for a hotfix → its kind, for those declared and installed."""
    return {call: hotfix.kind for call, hotfix in _calls(recommender)}


def _calls(recommender: Recommender) -> Iterator[tuple[str, DeclaredHotfix]]:
    """Each hotfix that is declared and installed, preceded by its deployer's name for it."""
    for hotfix in recommender.hotfixes.values():
        try:
            kind = find(hotfix.kind)
        except ConfigurationError:
            continue  # of a kind that is not installed, which the menu reports
        yield kind.called(hotfix, kind.read(hotfix)), hotfix
