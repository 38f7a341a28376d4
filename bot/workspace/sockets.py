"""Socket Mode: the app's own connections, over which it is handed what people do."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from bot.workspace import people


class NobodyListens(Exception):
    """No connection is open."""


class Sockets:
    """The connections that are open; each payload goes to one of them, in turn."""

    def __init__(self) -> None:
        self._tickets: set[str] = set()
        self._open: list[WebSocket] = []
        self._waiting: dict[str, asyncio.Future[dict[str, Any]]] = {}

    def new_ticket(self) -> str:
        """A ticket that admits one connection, once."""
        ticket = secrets.token_hex(16)
        self._tickets.add(ticket)
        return ticket

    def count(self) -> int:
        return len(self._open)

    async def serve(self, socket: WebSocket) -> None:
        """Greets one connection and listens for its acknowledgements until it goes."""
        ticket = socket.query_params.get("ticket", "")
        if ticket not in self._tickets:
            await socket.close(reason="This ticket is not known or has been used.")
            return
        self._tickets.discard(ticket)
        await socket.accept()
        self._open.append(socket)
        try:
            await socket.send_json({"type": "hello", "connection_info": {"app_id": people.APP_ID}})
            async for answer in socket.iter_json():
                waiting = self._waiting.get(answer["envelope_id"])
                if waiting is not None and not waiting.done():
                    waiting.set_result(answer.get("payload") or {})
        finally:
            self._open.remove(socket)

    async def send(self, kind: str, payload: dict[str, Any]) -> dict[str, Any]:
        """
        Sends one payload over one connection and waits for its acknowledgement.

        Returns:
            The acknowledgement's `payload`, empty when it had none.

        Raises:
            NobodyListens: no connection is open.
        """
        if not self._open:
            raise NobodyListens
        socket = self._open.pop(0)
        self._open.append(socket)
        envelope_id = secrets.token_hex(16)
        waiting: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[envelope_id] = waiting
        envelope = {"envelope_id": envelope_id, "type": kind, "payload": payload}
        try:
            await socket.send_json({**envelope, "accepts_response_payload": kind != "events_api"})
            return await waiting
        except (WebSocketDisconnect, RuntimeError) as error:
            raise NobodyListens from error
        finally:
            del self._waiting[envelope_id]
