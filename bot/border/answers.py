"""The headers of every response of the web process, and the host names it responds to."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = (
    "default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
ALWAYS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",  # an address may hold a token that opens its page
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-site",
    "Cache-Control": "no-store",
}
OVER_TLS = {"Strict-Transport-Security": "max-age=31536000; includeSubDomains"}
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


class SafeAnswers:
    """ASGI middleware: adds the headers above to each response that does not set them itself."""

    def __init__(self, app: ASGIApp, *, tls: bool) -> None:
        self._app = app
        self._headers = ALWAYS | (OVER_TLS if tls else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, answer)


def known_hosts(public_url: str, also: Iterable[str]) -> Middleware:
    """
    Shows nothing under a host name that is not ours: a stranger may lead a browser here (DNS rebinding).

    >>> known_hosts("https://ops.example:8443", ["ops.internal"]).kwargs["allowed_hosts"]
    ['127.0.0.1', 'localhost', '[::1]', 'ops.example', 'ops.internal']
    """
    names = [*LOOPBACK, *filter(None, [urlsplit(public_url).hostname]), *also]
    return Middleware(TrustedHostMiddleware, allowed_hosts=names, www_redirect=False)
