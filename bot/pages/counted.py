"""The metrics for Prometheus, for callers that have a token or are on this machine."""

from __future__ import annotations

import hmac

import structlog
from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bot.pages.numbers import numbers
from bot.pages.slack_numbers import slack_numbers
from workers.door import Door

_log = structlog.get_logger(__name__)


def with_token(door: Door, token: str) -> Route:
    """`/metrics` for requests that carry the token."""
    right = f"Bearer {token}".encode()

    async def metrics(request: Request) -> Response:
        given = request.headers.get("authorization", "").encode()
        if not hmac.compare_digest(given, right):
            return PlainTextResponse("For who has METRICS_TOKEN.\n", 401, {"WWW-Authenticate": "Bearer"})
        return await run_in_threadpool(_counted, door)

    return Route("/metrics", metrics)


def alone(door: Door, known_hosts: Middleware) -> Starlette:
    """`/metrics` and nothing else, for a port that only this machine can reach, and under a name of ours."""

    async def metrics(_: Request) -> Response:
        return await run_in_threadpool(_counted, door)

    return Starlette(routes=[Route("/metrics", metrics)], middleware=[known_hosts])


def _counted(door: Door) -> Response:
    try:
        shown = door.shown
        undecided = len(door.undecided())
        text = numbers(
            door.counts(), door.mean_times(), door.followers(), door.owed_sums(), door.now(), undecided
        ) + slack_numbers(shown.owed(), shown.trouble() is not None, len(shown.routes_in_trouble()))
    except SQLAlchemyError as error:
        _log.warning("numbers_not_counted", error=type(error).__name__)
        return PlainTextResponse("The store does not answer.\n", 503)
    return PlainTextResponse(text, media_type="text/plain; version=0.0.4")
