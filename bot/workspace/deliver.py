"""Delivers what people do to the app, signed over HTTP or through a socket, and measures its answer."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import httpx

from bot.workspace import people
from bot.workspace.faults import DELIVERY_FAULTS
from bot.workspace.sockets import NobodyListens
from bot.workspace.world import World

ACK_SECONDS = 3.0
"""How long the app may take to answer."""

TIMEOUT = "operation_timeout"
FAILED = "dispatch_failed"
_SOCKET_KINDS = {"command": "slash_commands", "event": "events_api"}
_FORM = "application/x-www-form-urlencoded"


@dataclass
class Answer:
    """
    How the app took a delivery.

    Attributes:
        ack_ms: milliseconds until it answered, or until the workspace gave up.
        status: the HTTP status; None when there was none, 200 for a socket's acknowledgement.
        answer: what it answered, decoded when it was JSON.
        error:  `operation_timeout` or `dispatch_failed`; empty when all went well.
    """

    ack_ms: float = 0.0
    status: int | None = None
    answer: dict[str, Any] = field(default_factory=dict)
    error: str = ""


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """Slack's `X-Slack-Signature` for a request body."""
    base = b"v0:" + timestamp.encode() + b":" + body
    return "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()


async def deliver(world: World, kind: str, payload: dict[str, Any]) -> Answer:
    """
    Delivers `payload` once, or as a fault orders; of two deliveries the first one's answer counts.

    Args:
        kind: `command`, `block_actions`, `view_submission` or `event`.
    """
    fault = world.faults.take(DELIVERY_FAULTS, kind)
    wrong = "" if fault is None else fault.kind
    times = 2 if wrong == "twice" else 1
    return (await asyncio.gather(*[_once(world, kind, payload, wrong) for _ in range(times)]))[0]


async def happened(world: World, event: dict[str, Any]) -> Answer:
    """Delivers one event: somebody opened Home, or a user group changed."""
    body = {"type": "event_callback", "team_id": people.TEAM_ID, "api_app_id": people.APP_ID}
    of = [{"team_id": people.TEAM_ID, "user_id": people.BOT_USER, "is_bot": True}]
    about = {"event_id": world.state.next_id("Ev"), "event_time": int(time.time()), "authorizations": of}
    return await deliver(world, "event", {**body, **about, "event": event})


async def _once(world: World, kind: str, payload: dict[str, Any], wrong: str) -> Answer:
    started = time.perf_counter()
    try:
        async with asyncio.timeout(ACK_SECONDS):
            if world.settings.request_url:
                answer = await _over_http(world, kind, payload, wrong)
            else:
                body = await world.sockets.send(_SOCKET_KINDS.get(kind, "interactive"), payload)
                answer = Answer(status=200, answer=body)
    except TimeoutError:
        answer = Answer(error=TIMEOUT)
    except (NobodyListens, httpx.TransportError):
        answer = Answer(error=FAILED)
    answer.ack_ms = round((time.perf_counter() - started) * 1_000, 1)
    return answer


async def _over_http(world: World, kind: str, payload: dict[str, Any], wrong: str) -> Answer:
    if kind == "event":
        body, content_type = json.dumps(payload).encode(), "application/json"
    else:
        form = payload if kind == "command" else {"payload": json.dumps(payload)}
        body, content_type = urlencode(form).encode(), _FORM
    headers = {"Content-Type": content_type, "User-Agent": "Slackbot 1.0 (local workspace)"}
    if wrong != "unsigned":
        timestamp = str(int(time.time()))
        headers["X-Slack-Request-Timestamp"] = timestamp
        headers["X-Slack-Signature"] = sign(world.settings.signing_secret, timestamp, body)
    response = await world.http.post(world.settings.request_url, content=body, headers=headers)
    error = "" if response.is_success else FAILED
    return Answer(status=response.status_code, answer=_decoded(response), error=error)


def _decoded(response: httpx.Response) -> dict[str, Any]:
    is_json = response.headers.get("content-type", "").startswith("application/json")
    return dict(response.json()) if is_json else {"text": response.text}
