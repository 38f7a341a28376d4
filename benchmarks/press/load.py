"""Requests at a fixed rate, whether or not earlier ones are answered; /health between any two of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import httpx

from benchmarks.press.slack import Json, signed

PRESSES_A_SECOND = 20
SLACK_WAITS_SECONDS = 3.0


@dataclass
class Answered:
    """Milliseconds until each request was answered."""

    presses: list[float] = field(default_factory=list)
    health: list[float] = field(default_factory=list)


async def send(url: str, payloads: Sequence[Json]) -> Answered:
    """
    Send every payload at its time.

    Raises:
        RuntimeError: something was not answered with 200.
        httpx.TimeoutException: a press took longer than Slack waits.
    """
    answered, beat = Answered(), 1 / PRESSES_A_SECOND
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=SLACK_WAITS_SECONDS) as http:
        begun = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for number, payload in enumerate(payloads):
                await _sleep_until(begun + number * beat)
                group.create_task(_press(http, payload, answered.presses))
                await _sleep_until(begun + (number + 0.5) * beat)
                group.create_task(_timed(http, http.build_request("GET", "/health"), answered.health))
    return answered


async def _press(http: httpx.AsyncClient, payload: Json, into: list[float]) -> None:
    body, headers = signed(payload)
    await _timed(http, http.build_request("POST", "/slack/events", content=body, headers=headers), into)


async def _timed(http: httpx.AsyncClient, request: httpx.Request, into: list[float]) -> None:
    begun = time.perf_counter()
    response = await http.send(request)
    into.append((time.perf_counter() - begun) * 1_000)
    if response.status_code != httpx.codes.OK:
        raise RuntimeError(f"{request.url} answered {response.status_code}: {response.text[:200]}")


async def _sleep_until(moment: float) -> None:
    await asyncio.sleep(max(0.0, moment - time.perf_counter()))
