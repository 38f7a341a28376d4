"""Sends the requests, many at once, and records how each was answered."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict
from contextlib import suppress
from dataclasses import dataclass, field

from benchmarks.border.requests import Drawn, Sent

AT_ONCE = 48
SLOW_AT_ONCE = 300
PATIENCE_SECONDS = 30.0
"""A request that was neither answered nor cut off by then counts as left waiting."""

CLOSED, LEFT = "closed", "left waiting"


@dataclass
class Answers:
    """Kind → outcome (a status, `CLOSED`, `LEFT`) → how often."""

    of: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def count(self, *outcomes: str) -> int:
        return sum(counted[one] for counted in self.of.values() for one in outcomes)

    def faults(self) -> int:
        """Answers that put the fault on our side."""
        return sum(n for counted in self.of.values() for said, n in counted.items() if said.startswith("5"))

    @property
    def sent(self) -> int:
        return sum(sum(counted.values()) for counted in self.of.values())


async def attack(port: int, metrics_port: int, drawn: Drawn, requests: int) -> Answers:
    """Send them all, the slow ones alongside the others so that the others find connections taken."""
    answers, gate, slow_gate = Answers(), asyncio.Semaphore(AT_ONCE), asyncio.Semaphore(SLOW_AT_ONCE)

    async def one(sent: Sent, free: asyncio.Semaphore) -> None:
        try:
            answers.of[sent.kind][await _answered(metrics_port if sent.of_metrics else port, sent)] += 1
        finally:
            free.release()

    async with asyncio.TaskGroup() as group:
        for _ in range(requests):
            sent = drawn.next()
            free = slow_gate if sent.kind == "slow" else gate
            await free.acquire()
            group.create_task(one(sent, free))
    return answers


async def _answered(port: int, sent: Sent) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        reading = asyncio.ensure_future(reader.read(64))
        with suppress(OSError):
            for part in sent.parts:
                writer.write(part)
                await writer.drain()
                if sent.pause_seconds:
                    await asyncio.wait([reading], timeout=sent.pause_seconds)
                if reading.done():
                    break
        if not reading.done() and sent.kind == "malformed":
            with suppress(OSError):
                writer.write_eof()  # otherwise a parser waiting for more does so to its deadline: see "slow"
        async with asyncio.timeout(PATIENCE_SECONDS):
            first = await reading
        return first[9:12].decode("ascii", "replace") if first.startswith(b"HTTP/1.1 ") else CLOSED
    except TimeoutError:
        return LEFT
    except OSError:
        return CLOSED
    finally:
        writer.transport.abort()


async def press(port: int, presses: list[bytes], pause_seconds: float, taken: list[float]) -> int:
    """Send genuine presses in turn, each on its own connection; returns how many were refused."""
    refused = 0
    for whole in presses:
        begun = time.perf_counter()
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(whole)
                refused += not (await reader.read(64)).startswith(b"HTTP/1.1 200")
        except (OSError, TimeoutError):
            refused += 1
        else:
            writer.transport.abort()
        taken.append(time.perf_counter() - begun)
        await asyncio.sleep(pause_seconds)
    return refused
