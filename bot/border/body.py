"""A request's body, read whole, within its size limit and deadline, before the application is called."""

from __future__ import annotations

import asyncio

from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

BODY_BYTES = 1024 * 1024
BODY_SECONDS = 10.0
TOO_LARGE = f"The body is larger than {BODY_BYTES} bytes.\n"


class BoundedBody:
    """ASGI middleware: answers 413, 408 or 400 to a body that is too large, too slow or wrongly announced."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            body = await _whole(Request(scope, receive))
        except ClientDisconnect:
            return
        if isinstance(body, PlainTextResponse):
            await body(scope, receive, send)
        else:
            await self._app(scope, _once(body, receive), send)


async def _whole(request: Request) -> bytes | PlainTextResponse:
    """The body, or the answer to one that is refused."""
    announced = request.headers.get("content-length", "0")
    if not (announced.isascii() and announced.isdecimal()):
        return PlainTextResponse("Content-Length is no number.\n", 400)
    if len(announced) > 20 or int(announced) > BODY_BYTES:
        return PlainTextResponse(TOO_LARGE, 413)
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for piece in request.stream():
                body += piece
                if len(body) > BODY_BYTES:
                    return PlainTextResponse(TOO_LARGE, 413)
    except TimeoutError:
        return PlainTextResponse(f"The body did not arrive within {BODY_SECONDS:g} s.\n", 408)
    return bytes(body)


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
