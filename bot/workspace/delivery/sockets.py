"""Socket Mode: the app's own connections, over which it is handed what people do."""

from __future__ import annotations

import asyncio
import json
import secrets
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from bot.workspace import people

CONNECTIONS_MAX = 10


class NobodyListens(Exception):
    """No connection is open."""


class Sockets:
    """Up to ten connections; each payload goes to one of them, in turn."""

    def __init__(self, ack_seconds: float) -> None:
        self._ack_seconds = ack_seconds
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
            await socket.close(code=4001, reason="This ticket is not known or has been used.")
            return
        self._tickets.discard(ticket)
        await socket.accept()
        if len(self._open) >= CONNECTIONS_MAX:
            await socket.send_json({"type": "disconnect", "reason": "too_many_websockets"})
            await socket.close()
            return
        self._open.append(socket)
        try:
            await socket.send_json(self._hello())
            while True:
                self._acknowledge(json.loads(await socket.receive_text()))
        except (WebSocketDisconnect, json.JSONDecodeError, RuntimeError):
            return  # closed, or sending nonsense: either way this connection is over
        finally:
            if socket in self._open:
                self._open.remove(socket)

    async def send(self, kind: str, payload: dict[str, Any], *, answers: bool) -> dict[str, Any]:
        """
        Sends one payload over one connection and waits for its acknowledgement.

        Returns:
            The acknowledgement's `payload`, empty when it had none.

        Raises:
            NobodyListens: no connection is open.
            TimeoutError: the app did not acknowledge in time.
        """
        if not self._open:
            raise NobodyListens
        socket = self._open.pop(0)
        self._open.append(socket)
        envelope_id = secrets.token_hex(16)
        self._waiting[envelope_id] = asyncio.get_running_loop().create_future()
        envelope = {
            "envelope_id": envelope_id,
            "type": kind,
            "payload": payload,
            "accepts_response_payload": answers,
        }
        try:
            await socket.send_json(envelope)
            return await asyncio.wait_for(self._waiting[envelope_id], self._ack_seconds)
        except (WebSocketDisconnect, RuntimeError) as error:
            raise NobodyListens from error
        finally:
            del self._waiting[envelope_id]

    async def disconnect(self, reason: str) -> int:
        """Asks every connection to reconnect, as Slack does now and then. Returns how many there were."""
        leaving, self._open = self._open, []
        for socket in leaving:
            await socket.send_json({"type": "disconnect", "reason": reason, "debug_info": {"host": "local"}})
            await socket.close()
        return len(leaving)

    def _hello(self) -> dict[str, Any]:
        return {
            "type": "hello",
            "num_connections": len(self._open),
            "connection_info": {"app_id": people.APP_ID},
            "debug_info": {"host": "local", "approximate_connection_time": 3600},
        }

    def _acknowledge(self, answer: Any) -> None:
        if not isinstance(answer, dict):
            return
        waiting = self._waiting.get(str(answer.get("envelope_id")))
        if waiting is not None and not waiting.done():
            payload = answer.get("payload")
            waiting.set_result(payload if isinstance(payload, dict) else {})
