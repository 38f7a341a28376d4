"""Tells every open browser what has changed, as server-sent events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

_QUEUE_LENGTH = 1_000
_HEARTBEAT_SECONDS = 15.0


class Live:
    """Sends changes to every browser. One too slow to read is cut off and loads everything again."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[dict[str, Any] | None]] = set()

    def tell(self, kind: str, **body: Any) -> None:
        for queue in list(self._queues):
            try:
                queue.put_nowait({"kind": kind, **body})
            except asyncio.QueueFull:
                self._queues.discard(queue)
                queue.get_nowait()
                queue.put_nowait(None)

    def close(self) -> None:
        """Ends every stream, so that the server can stop."""
        for queue in self._queues:
            if not queue.full():
                queue.put_nowait(None)

    async def stream(self) -> AsyncIterator[bytes]:
        queue: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue(_QUEUE_LENGTH)
        self._queues.add(queue)
        try:
            yield b": hello\n\n"
            while True:
                try:
                    change = await asyncio.wait_for(queue.get(), _HEARTBEAT_SECONDS)
                except TimeoutError:
                    yield b": still here\n\n"
                    continue
                if change is None:
                    return
                yield b"data: " + json.dumps(change).encode() + b"\n\n"
        finally:
            self._queues.discard(queue)
