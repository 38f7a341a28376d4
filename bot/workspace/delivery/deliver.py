"""Delivers what people do to the app, signed over HTTP or through a socket, and measures its answer."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from bot.workspace.delivery.sockets import NobodyListens
from bot.workspace.faults import DELIVERY_FAULTS, Fault
from bot.workspace.world import World

OLD_REQUEST_SECONDS = 6 * 60
TIMEOUT = "operation_timeout"
FAILED = "dispatch_failed"

_SOCKET_KINDS = {"command": "slash_commands", "event": "events_api"}
# Requests wait for the app, so they get threads of their own rather than the loop's few.
_threads = ThreadPoolExecutor(32, thread_name_prefix="deliver")


@dataclass
class Answer:
    """
    How the app took a delivery.

    Attributes:
        ack_ms: milliseconds until it answered, or until the workspace gave up.
        status: the HTTP status; None when there was none, 200 for a socket's acknowledgement.
        body:   what it answered, decoded when it was JSON.
        error:  `operation_timeout` or `dispatch_failed`; empty when all went well.
    """

    ack_ms: float
    status: int | None = None
    body: dict[str, Any] = field(default_factory=dict)
    error: str = ""

    def as_json(self) -> dict[str, Any]:
        return {
            "ack_ms": round(self.ack_ms, 1),
            "status": self.status,
            "answer": self.body,
            "error": self.error,
        }


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """Slack's `X-Slack-Signature` for a request body."""
    base = b"v0:" + timestamp.encode() + b":" + body
    return "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()


async def deliver(world: World, kind: str, payload: dict[str, Any], retry: int = 0) -> Answer:
    """
    Delivers `payload` once, or as a fault orders; of two deliveries the first one's answer counts.

    Args:
        kind:  `command`, `block_actions`, `view_submission`, `view_closed` or `event`.
        retry: how many times it was tried before.
    """
    fault = world.faults.take(DELIVERY_FAULTS, kind)
    if fault is not None and fault.kind == "lost":
        return Answer(0.0, error=TIMEOUT)
    if fault is not None and fault.kind == "twice":
        first, _second = await asyncio.gather(
            _once(world, kind, payload, None), _once(world, kind, payload, None)
        )
        return first
    return await _once(world, kind, payload, fault, retry)


async def _once(
    world: World, kind: str, payload: dict[str, Any], fault: Fault | None, retry: int = 0
) -> Answer:
    started = time.perf_counter()
    if world.settings.request_url:
        body, content_type = _encoded(kind, payload)
        request = _request(world, body, content_type, fault)
        if retry:
            request.add_header("X-Slack-Retry-Num", str(retry))
            request.add_header("X-Slack-Retry-Reason", "http_error")
        loop = asyncio.get_running_loop()
        answer = await loop.run_in_executor(_threads, _post, request, world.settings.ack_seconds)
    else:
        answer = await _through_socket(world, kind, payload)
    answer.ack_ms = (time.perf_counter() - started) * 1_000
    return answer


async def _through_socket(world: World, kind: str, payload: dict[str, Any]) -> Answer:
    try:
        body = await world.sockets.send(
            _SOCKET_KINDS.get(kind, "interactive"), payload, answers=kind != "event"
        )
    except NobodyListens:
        return Answer(0.0, error=FAILED)
    except TimeoutError:
        return Answer(0.0, error=TIMEOUT)
    return Answer(0.0, 200, body)


def _encoded(kind: str, payload: dict[str, Any]) -> tuple[bytes, str]:
    if kind == "event":
        return json.dumps(payload).encode(), "application/json"
    form = payload if kind == "command" else {"payload": json.dumps(payload)}
    return urlencode(form).encode(), "application/x-www-form-urlencoded"


def _request(world: World, body: bytes, content_type: str, fault: Fault | None) -> urllib.request.Request:
    wrong = "" if fault is None else fault.kind
    timestamp = str(int(time.time()) - (OLD_REQUEST_SECONDS if wrong == "old_timestamp" else 0))
    secret = world.settings.signing_secret + ("-wrong" if wrong == "wrong_signature" else "")
    headers = {"Content-Type": content_type, "User-Agent": "Slackbot 1.0 (local workspace)"}
    if wrong != "unsigned":
        headers["X-Slack-Request-Timestamp"] = timestamp
        headers["X-Slack-Signature"] = sign(secret, timestamp, body)
    return urllib.request.Request(world.settings.request_url, body, headers)  # noqa: S310 - set by who starts it


def _post(request: urllib.request.Request, seconds: float) -> Answer:
    # No proxy: the app is on this machine or on the team's own network.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=seconds) as response:
            return Answer(0.0, response.status, _decoded(response.read()))
    except urllib.error.HTTPError as error:
        return Answer(0.0, error.code, _decoded(error.read()), FAILED)
    except TimeoutError:
        return Answer(0.0, error=TIMEOUT)
    except OSError as error:
        late = isinstance(getattr(error, "reason", None), TimeoutError)
        return Answer(0.0, error=TIMEOUT if late else FAILED)


def _decoded(body: bytes) -> dict[str, Any]:
    text = body.decode("utf-8", "replace")
    try:
        decoded = json.loads(text) if text else {}
    except ValueError:
        decoded = None
    return decoded if isinstance(decoded, dict) else {"text": text}
