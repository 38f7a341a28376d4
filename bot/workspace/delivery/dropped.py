"""A connection that closes without an answer, for tests of how the app reacts."""

from __future__ import annotations

import asyncio

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

_SEND = "workspace.send"


class KeepSend:
    """The outermost middleware: remembers the server's own `send`, which knows the connection."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[_SEND] = send
        await self._app(scope, receive, send)


class Dropped(Response):
    """Closes the connection instead of answering. ASGI has no message for that, so uvicorn's own is used."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        transport = getattr(getattr(scope[_SEND], "__self__", None), "transport", None)
        if transport is None:
            raise RuntimeError("Only a server that shows its transport (uvicorn) can drop a connection.")
        transport.abort()
        while not await _is_gone(receive):
            await asyncio.sleep(0)


async def _is_gone(receive: Receive) -> bool:
    return bool((await receive())["type"] == "http.disconnect")
