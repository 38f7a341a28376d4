"""Whether the process and its store answer, for any monitor, under any host name, and nothing more."""

from __future__ import annotations

import time

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from workers.door import Door

FRESH_SECONDS = 1.0
"""Strangers may ask as often as they like: the store is asked at most once in this time."""

_log = structlog.get_logger(__name__)


class Health:
    """The page, and the result it last found."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._found, self._until = False, 0.0

    def route(self) -> Route:
        return Route("/health", self.health)

    async def health(self, _: Request) -> Response:
        if time.monotonic() >= self._until:
            self._found = await run_in_threadpool(self._asked)
            self._until = time.monotonic() + FRESH_SECONDS
        return PlainTextResponse("ok\n") if self._found else PlainTextResponse("not ok\n", 503)

    def _asked(self) -> bool:
        try:
            return self._door.healthy()
        except Exception as error:  # noqa: BLE001 - a health page answers, whatever is broken
            _log.warning("not_healthy", error=type(error).__name__)
            return False
