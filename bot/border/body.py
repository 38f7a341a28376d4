"""A request's body, read whole, within its size limit and deadline, before the application is called."""

from __future__ import annotations

import asyncio

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

BODY_BYTES = 1024 * 1024
BODY_SECONDS = 10.0
TOO_LARGE = f"The body is larger than {BODY_BYTES} bytes."


class TooLarge(Exception):
    """More than `BODY_BYTES`."""


class Gone(Exception):
    """The client disconnected before the body was complete."""


class BoundedBody:
    """ASGI middleware: answers 413, 408 or 400 to a body that is too large, too slow or wrongly announced."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "0")
        if not (announced.isascii() and announced.isdecimal()):
            await self._refuse(400, "Content-Length is no number.", scope, receive, send)
        elif len(announced) > 20 or int(announced) > BODY_BYTES:
            await self._refuse(413, TOO_LARGE, scope, receive, send)
        else:
            await self._read(scope, receive, send)

    async def _read(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body = await self._whole(receive)
        except TooLarge:
            await self._refuse(413, TOO_LARGE, scope, receive, send)
        except TimeoutError:
            words = f"The body did not arrive within {BODY_SECONDS:g} s."
            await self._refuse(408, words, scope, receive, send)
        except Gone:
            return
        else:
            await self._app(scope, _once(body, receive), send)

    async def _whole(self, receive: Receive) -> bytes:
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] != "http.request":
                raise Gone
            body += message.get("body", b"")
            if len(body) > BODY_BYTES:
                raise TooLarge
            if not message.get("more_body", False):
                return bytes(body)

    async def _refuse(self, status: int, words: str, scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse(f"{words}\n", status)(scope, receive, send)


def _once(body: bytes, receive: Receive) -> Receive:
    """Replay the body that was read, then pass on what the server sends after it."""
    given = False

    async def read() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return read
