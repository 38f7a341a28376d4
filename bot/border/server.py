"""Uvicorn, with our limits."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from bot.border.connection import IDLE_SECONDS, BoundedProtocol

GRACE_SECONDS = 10
NOISE, NOISE_SECONDS = "Invalid HTTP request received", 60.0


def server(app: ASGIApp, host: str, port: int) -> uvicorn.Server:
    """
    A server for `app`.

    It writes no access log: an address may hold a token that opens a page. WebSockets are not accepted.
    """
    return uvicorn.Server(_config(app, host, port))


async def serve(main: uvicorn.Server, beside: uvicorn.Server | None) -> None:
    """Run both until the process is told to end; `main` receives that signal."""
    if beside is None:
        await main.serve()
        return
    other = asyncio.create_task(beside.serve())
    await main.serve()
    beside.should_exit = True
    await other


class _Beside(uvicorn.Server):
    """A second server in the same process; the first one handles the signals."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def server_beside(app: ASGIApp, host: str, port: int) -> uvicorn.Server:
    """The same, for a second server in one process."""
    return _Beside(_config(app, host, port))


class _Seldom(logging.Filter):
    """Limits noise from strangers to one line a minute: at a line for each, they could fill the disk."""

    def __init__(self) -> None:
        super().__init__()
        self._next = 0.0

    def filter(self, record: logging.LogRecord) -> bool:
        if not str(record.msg).startswith(NOISE):
            return True
        now = time.monotonic()
        due = now >= self._next
        self._next = now + NOISE_SECONDS if due else self._next
        return due


def _config(app: ASGIApp, host: str, port: int) -> uvicorn.Config:
    made = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        http=BoundedProtocol,
        ws="none",
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
        server_header=False,
        proxy_headers=False,  # nothing is decided by who a proxy says has asked
    )
    logger = logging.getLogger("uvicorn.error")
    if not any(isinstance(one, _Seldom) for one in logger.filters):
        logger.addFilter(_Seldom())
    return made
