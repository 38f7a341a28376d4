"""The metrics for Prometheus, in its text format, for callers that have a token or are on this machine."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime

import structlog
from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from domain.incident.times import MeanTimes
from workers.door import Door, Following, ObligationSum, OwedMessage

Gauge = tuple[str, str, Iterable[tuple[str, object]]]
"""Its name, what it counts, and its values by their labels."""

_log = structlog.get_logger(__name__)


def with_token(door: Door, token: str) -> Route:
    """`/metrics` for requests that carry the token."""
    right = f"Bearer {token}".encode()

    async def metrics(request: Request) -> Response:
        given = request.headers.get("authorization", "").encode()
        if not hmac.compare_digest(given, right):
            return PlainTextResponse("For who has METRICS_TOKEN.\n", 401, {"WWW-Authenticate": "Bearer"})
        return await run_in_threadpool(_answer, door)

    return Route("/metrics", metrics)


def alone(door: Door, known_hosts: Middleware) -> Starlette:
    """`/metrics` and nothing else, for a port that only this machine can reach, and under a name of ours."""

    async def metrics(_: Request) -> Response:
        return await run_in_threadpool(_answer, door)

    return Starlette(routes=[Route("/metrics", metrics)], middleware=[known_hosts])


def _answer(door: Door) -> Response:
    try:
        return PlainTextResponse(measured(door), media_type="text/plain; version=0.0.4")
    except SQLAlchemyError as error:
        _log.warning("numbers_not_counted", error=type(error).__name__)
        return PlainTextResponse("The store does not answer.\n", 503)


def measured(door: Door) -> str:
    """All of them, as they are now."""
    return text(
        [
            *_of_incidents(door.counts(), door.mean_times(), len(door.undecided())),
            *of_owed(door.owed_sums(), door.now()),
            *_of_followers(door.followers()),
            *_of_slack(door.shown.owed(), door.now()),
            *_of_routes(door.shown.trouble() is not None, len(door.shown.routes_in_trouble())),
        ]
    )


def text(gauges: Iterable[Gauge]) -> str:
    """
    >>> print(text([("owed", "Open obligations.", [("", 3)])]), end="")
    # HELP recsysops_owed Open obligations.
    # TYPE recsysops_owed gauge
    recsysops_owed 3
    """
    lines = []
    for name, says, values in gauges:
        lines += [f"# HELP recsysops_{name} {says}", f"# TYPE recsysops_{name} gauge"]
        lines += [f"recsysops_{name}{labels} {value}" for labels, value in values]
    return "".join(f"{line}\n" for line in lines)


def _of_incidents(counts: Mapping[tuple[str, str], int], means: MeanTimes, undecided: int) -> Iterator[Gauge]:
    """Incidents and their mean times; `undecided` events of the log carry no seal."""
    by = [
        (f'{{status="{status}",severity="{severity}"}}', count)
        for (status, severity), count in sorted(counts.items())
    ]
    yield "incidents", "Incidents by status and severity.", by
    took = [(f'{{step="{step}"}}', f"{mean.total_seconds():.1f}") for step, (mean, _) in means.items()]
    yield "mean_seconds", "Mean time to each step, in seconds.", took
    says = "Events that no rule decided: somebody forged them, nobody acts on them."
    yield "events_undecided", says, [("", undecided)]


def of_owed(owed: Sequence[ObligationSum], at: datetime) -> Iterator[Gauge]:
    """What the log still waits for at `at`."""
    count, failed = sum(one.count for one in owed), sum(one.in_trouble for one in owed)
    yield "owed", "Open obligations: answers that the log still waits for.", [("", count)]
    yield "owed_in_trouble", "Of these, those whose last try failed.", [("", failed)]
    oldest = [(f'{{kind="{one.kind}"}}', _seconds(at, one.oldest)) for one in owed]
    yield "owed_oldest_seconds", "How long the oldest of each kind has been open.", oldest


def _of_followers(followers: Sequence[Following]) -> Iterator[Gauge]:
    """How far each follower of the log is behind."""

    def of(value: Callable[[Following], object]) -> list[tuple[str, object]]:
        return [(f'{{follower="{one.name}"}}', value(one)) for one in followers]

    yield "follower_behind", "Events that a follower of the log has not seen.", of(lambda one: one.behind)
    lag = of(lambda one: f"{one.lag.total_seconds():.1f}")
    yield "follower_lag_seconds", "How long the oldest of them has waited.", lag
    yield "follower_set_aside", "Events that a follower could not do.", of(lambda one: len(one.aside))


def _of_routes(refuses: bool, lost: int) -> Iterator[Gauge]:
    """Whether Slack accepts anything at all, and declared channels that cannot be written to."""
    yield "slack_refuses", "1 while Slack takes nothing from the bot's token.", [("", int(refuses))]
    yield "slack_routes_lost", "Declared channels that cannot be written into.", [("", lost)]


def _of_slack(owed: Mapping[str, OwedMessage], at: datetime) -> Iterator[Gauge]:
    """Messages that are not in Slack yet."""
    failed = sum(one.trouble is not None for one in owed.values())
    oldest = _seconds(at, min((one.since for one in owed.values()), default=at))
    says = "Incidents whose message or thread is not in Slack as it should be."
    yield "slack_owed", says, [("", len(owed))]
    yield "slack_owed_in_trouble", "Of these, those whose last try failed.", [("", failed)]
    yield "slack_owed_oldest_seconds", "How long the oldest of them has waited.", [("", oldest)]


def _seconds(now: datetime, since: datetime) -> str:
    return f"{max(0.0, (now - since).total_seconds()):.1f}"
