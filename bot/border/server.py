"""Uvicorn, with our limits."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from bot.border.connection import IDLE_SECONDS, BoundedProtocol

GRACE_SECONDS = 10


def server(app: ASGIApp, host: str, port: int) -> uvicorn.Server:
    """
    A server for `app`.

    It writes no line a request: an address may hold a token that opens a page. No one opens a WebSocket here.
    """
    return uvicorn.Server(_config(app, host, port))


async def serve(main: uvicorn.Server, beside: uvicorn.Server | None) -> None:
    """Both until the process is told to end, which `main` hears."""
    if beside is None:
        await main.serve()
        return
    other = asyncio.create_task(beside.serve())
    await main.serve()
    beside.should_exit = True
    await other


class _Beside(uvicorn.Server):
    """A second server of one process: signals are the first one's."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def server_beside(app: ASGIApp, host: str, port: int) -> uvicorn.Server:
    """The same for a second server of one process."""
    return _Beside(_config(app, host, port))


def _config(app: ASGIApp, host: str, port: int) -> uvicorn.Config:
    return uvicorn.Config(
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
    )
