"""Tells every open browser what has changed, as server-sent events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any


class Live:
    """Sends changes to every browser."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[dict[str, Any] | None]] = set()

    def tell(self, kind: str, **body: Any) -> None:
        for queue in self._queues:
            queue.put_nowait({"kind": kind, **body})

    def close(self) -> None:
        """Ends every stream, so that the server can stop."""
        for queue in self._queues:
            queue.put_nowait(None)

    async def stream(self) -> AsyncIterator[str]:
        queue: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        self._queues.add(queue)
        try:
            yield ": hello\n\n"
            while (change := await queue.get()) is not None:
                yield f"data: {json.dumps(change)}\n\n"
        finally:
            self._queues.discard(queue)
