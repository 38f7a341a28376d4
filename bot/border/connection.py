"""
One connection of the web process, with the limits that uvicorn leaves to others to set.

Uvicorn waits for ever for an incomplete request, accepts any number of connections, and queues any number
of pipelined requests. Here each step has a deadline and a size limit, and when all places are taken, the
connection that has come least far, and of these has kept us waiting longest, gives way to the new one: half
requests keep nobody out.
"""

from __future__ import annotations

import asyncio
from enum import IntEnum
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

HEADER_SECONDS = 10.0
ANSWER_SECONDS = 60.0
"""From complete headers to a complete answer; the body has its own deadline in `bot.border.body`."""
IDLE_SECONDS = 620
"""
Between two requests on one connection: longer than common load balancers keep it (Google's 600 s, Amazon's
and nginx's 60 s). If we close first, a click sent at that moment is lost without an answer. It keeps nobody
out: idle connections are the first to give way.
"""
DRAIN_SECONDS = 2.0
"""How long a client answered before its body was read may go on sending, so that the answer arrives."""

HEADER_BYTES = 32 * 1024
MOST_CONNECTIONS = 400
MOST_PIPELINED = 8


class Phase(IntEnum):
    """What a connection is waiting for, in the order in which connections give way."""

    IDLE = 0
    DRAIN = 1
    HEADERS = 2
    BODY = 3
    ANSWER = 4
    """It is our turn to act: a connection in this phase gives way to nobody."""


class BoundedProtocol(HttpToolsProtocol):
    """For `uvicorn.Config(http=…)`."""

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self._phase = Phase.HEADERS
        self._since = 0.0
        self._deadline: asyncio.TimerHandle | None = None
        self._header_bytes = 0
        self._field_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._enter(Phase.HEADERS, HEADER_SECONDS)
        if len(self.connections) > MOST_CONNECTIONS:
            self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget_deadline()
        self.pipeline.clear()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        if self._phase is Phase.IDLE:
            self._header_bytes = 0
            self._enter(Phase.HEADERS, HEADER_SECONDS)
        if self._phase is Phase.HEADERS:
            self._header_bytes += len(data)
        super().data_received(data)
        if self._phase is Phase.HEADERS and self._header_bytes > HEADER_BYTES:
            self._refuse(431)

    def on_message_begin(self) -> None:
        if len(self.pipeline) >= MOST_PIPELINED:
            raise ValueError("more requests than are answered at once")  # the parser turns this into a 400
        self._field_bytes = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self._enter(Phase.BODY, ANSWER_SECONDS)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        if self._phase is Phase.BODY:
            self._phase = Phase.ANSWER
        elif self._phase is Phase.DRAIN:
            self._enter(Phase.IDLE, None)

    def on_response_complete(self) -> None:
        unread = self._phase is Phase.BODY
        queued = bool(self.pipeline)
        super().on_response_complete()
        if self.transport.is_closing():
            return
        if queued:
            self._enter(Phase.ANSWER, ANSWER_SECONDS)
        elif unread:
            self._enter(Phase.DRAIN, DRAIN_SECONDS)
        else:
            self._enter(Phase.IDLE, None)

    def send_400_response(self, msg: str) -> None:
        if self._field_bytes > HEADER_BYTES:
            self._refuse(431)
        else:
            super().send_400_response(msg)

    def _count(self, size: int) -> None:
        """Count header bytes: field by field if they arrive in one piece, otherwise as they arrive."""
        self._field_bytes += size
        if self._field_bytes > HEADER_BYTES:
            raise ValueError("the headers are too large")

    def _unsupported_upgrade_warning(self) -> None:
        """Do nothing: a stranger's WebSocket request is not logged, and is answered as an ordinary one."""

    def _enter(self, phase: Phase, seconds: float | None) -> None:
        self._forget_deadline()
        self._phase, self._since = phase, self.loop.time()
        if seconds is not None:
            self._deadline = self.loop.call_later(seconds, self._too_late)

    def _forget_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_late(self) -> None:
        if self.transport.is_closing():
            return
        if self._phase is Phase.HEADERS and self._header_bytes:
            self._refuse(408)
        elif self._phase is Phase.HEADERS or self._phase is Phase.DRAIN:
            self.transport.close()
        else:
            self.transport.abort()  # the client does not read what it is sent, or the answer takes too long

    def _make_room(self) -> None:
        """Close another connection, in order of phase and of how long it has waited; or this one."""
        others = [one for one in self._all() if one is not self and one._phase is not Phase.ANSWER]
        if not others:
            self._refuse(503)
            return
        leaving = min(others, key=lambda one: (one._phase, one._since))
        self.connections.discard(leaving)
        leaving.transport.abort()

    def _all(self) -> list[BoundedProtocol]:
        return [cast("BoundedProtocol", one) for one in self.connections]

    def _refuse(self, status: int) -> None:
        line = STATUS_LINE[status]
        self.transport.write(line + b"content-length: 0\r\nconnection: close\r\n\r\n")
        self.transport.close()
