"""What members gained or lost in all while a hotfix was in force, measured and compared with its promise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from domain.errors import SourceError
from domain.incident import commands as c
from domain.incident.state import Hotfix, Incident
from domain.recommender.recommender import Recommender
from domain.resolution.realised import Pair, realised
from domain.values import Estimate
from workers.log.obligations import Work
from workers.sources.engines.files import kept_open
from workers.sources.logged.rewards import DAY, chosen_of, daily_totals, unit_of

DAYS = 7
"""Earlier days on which the same two spans are measured."""


@kept_open()
def settle(work: Work, recommender: Recommender) -> Iterator[c.Command]:
    """Measure the cost from the deployment to the verdict, or to the end."""
    hotfix = work.incident.hotfix
    if hotfix is None or hotfix.applied_at is None or hotfix.stage_at is None:
        return
    end = hotfix.at - _settle(recommender)
    cost = _measured(recommender, work.incident, hotfix, hotfix.stage_at, end)
    yield c.RecordCost(option=hotfix.option, cost=cost, window_start=hotfix.stage_at, window_end=hotfix.at)


def _measured(
    recommender: Recommender, incident: Incident, hotfix: Hotfix, start: datetime, end: datetime
) -> Estimate:
    promise = hotfix.promise.whole if hotfix.promise else None
    unit = promise.unit if promise is not None else f"% {unit_of(recommender)}"
    before = min(incident.onset_at or incident.opened_at, incident.opened_at)
    spans = ((before, hotfix.applied_at or start), (start, end))
    try:
        now = _pair(recommender, spans)
        earlier = [_pair(recommender, one) for one in _days_before(spans)]
        rewards = daily_totals(recommender, hotfix.applied_at or start).rewards
    except SourceError as error:
        return Estimate(value=None, unit=unit, basis=str(error))
    return realised(now, earlier, unit, rewards)


Span = tuple[datetime, datetime]


def _days_before(spans: tuple[Span, Span]) -> Iterator[tuple[Span, Span]]:
    """The same hours on days before it began: whole days earlier, when nothing of this was wrong."""
    lasted = spans[1][1] - spans[0][0]
    first = -(-lasted // DAY)
    for day in range(first, first + DAYS):
        back = day * DAY
        (a, b), (start, end) = spans
        yield (a - back, b - back), (start - back, end - back)


def _pair(recommender: Recommender, spans: Sequence[Span]) -> Pair:
    before, since = (chosen_of(recommender, start, end) for start, end in spans)
    return before, since


def _settle(recommender: Recommender) -> timedelta:
    """How long to wait until the rows of both tables are there."""
    exposure = recommender.exposure
    names = (exposure.shown, exposure.chosen) if exposure else ()
    return max((recommender.tables[one].settle for one in names), default=timedelta(0))
