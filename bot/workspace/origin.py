"""Keeps other pages open in a browser from acting here, or reading what is said here."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_HAS_ITS_OWN_KEY = ("/api/", "/upload/", "/respond/", "/link/")
_POLICY = "default-src 'self'; img-src 'self' http: https: data:; style-src 'self'; frame-ancestors 'none'"


class SameOrigin:
    """
    Refuses pages and `/control` under a foreign host name (DNS rebinding) or from another origin
    (request forgery). The Web API is exempt: it requires a token, which no browser sends on its own.
    """

    def __init__(self, app: ASGIApp, hosts: tuple[str, ...]) -> None:
        self._app = app
        self._hosts = {*_LOOPBACK, *(host for host in hosts if host)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(_HAS_ITS_OWN_KEY):
            await self._app(scope, receive, send)
            return
        problem = self._problem(Headers(scope=scope))
        if problem:
            await PlainTextResponse(problem, status_code=403)(scope, receive, send)
            return

        async def send_guarded(message: dict[str, object]) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", []))  # type: ignore[call-overload]
                headers += [
                    (b"content-security-policy", _POLICY.encode()),
                    (b"referrer-policy", b"no-referrer"),
                ]
                message = {**message, "headers": headers}
            await send(message)

        await self._app(scope, receive, send_guarded)  # type: ignore[arg-type]

    def _problem(self, headers: Headers) -> str:
        host = headers.get("host", "")
        name = urlsplit(f"//{host}").hostname or ""
        if name not in self._hosts:
            return f"The workspace does not answer to the name {name!r}; open it as http://127.0.0.1."
        origin = headers.get("origin")
        if origin is not None and origin != f"http://{host}":
            return "Another page may not act here."
        if headers.get("sec-fetch-site", "none") not in {"none", "same-origin"} and not _is_a_visit(headers):
            return "Another page may not act here."
        return ""


def _is_a_visit(headers: Headers) -> bool:
    """Whether somebody followed a link to here, which only shows the page."""
    return headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
