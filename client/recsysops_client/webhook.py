"""Signed calls that apply or revert a hotfix: verified, done at most once, answered the same each time."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TIMESTAMP_HEADER = "X-RecSysOps-Timestamp"
SIGNATURE_HEADER = "X-RecSysOps-Signature"
TOLERANCE_SECONDS = 300
DONE = {"apply": "applied", "revert": "reverted"}

Answer = tuple[int, dict[str, Any]]


@dataclass(frozen=True)
class HotfixCall:
    """What the caller asks for. `id` is the same for the apply and for its revert."""

    id: str
    action: str
    hotfix: str
    parameters: Mapping[str, Any]
    expires_at: str | None


Handler = Callable[[HotfixCall], str]


def sign(secret: str, timestamp: int | str, body: bytes) -> str:
    """The signature header of `body` sent at `timestamp` (unix seconds)."""
    message = b"v1:" + str(timestamp).encode() + b":" + body
    return "v1=" + hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()


class WebhookReceiver:
    """
    Checks a call, hands it to the handler of its hotfix, and remembers the answer in the file `journal`.

    The beginning of a call is written and synced before its handler runs: a process that dies in between
    does not run
    it a second time, but says so (409). A handler returns a sentence for people, or raises.
    """

    def __init__(self, secret: str, journal: str | Path, clock: Callable[[], float] = time.time) -> None:
        if not secret:
            raise ValueError(
                "the webhook's shared secret is empty: set one, or anybody can change what is served"
            )
        self.journal = Path(journal)
        self._secret, self._clock = secret, clock
        self._handlers: dict[str, Handler] = {}
        self._lock = threading.Lock()
        self._answers = self._read_journal()

    def register(self, hotfix: str, handler: Handler) -> None:
        """Let `handler` answer the calls for `hotfix`, both apply and revert."""
        self._handlers[hotfix] = handler

    def receive(self, headers: Mapping[str, str], body: bytes) -> Answer:
        """The HTTP status and JSON body to answer with. Never raises for what a caller sent."""
        refusal = self._refuse(headers, body)
        if refusal:
            return 401, {"status": "refused", "detail": refusal}
        try:
            call = parse(body)
        except ValueError as error:
            return 400, {"status": "refused", "detail": str(error)}
        with self._lock:
            key = (call.id, call.action)
            if key in self._answers:
                return self._answers[key]
            if call.hotfix not in self._handlers:
                known = ", ".join(sorted(self._handlers)) or "none"
                return 404, {
                    "status": "refused",
                    "detail": f"no hotfix {call.hotfix!r} here; registered: {known}",
                }
            return self._run(call)

    def _refuse(self, headers: Mapping[str, str], body: bytes) -> str | None:
        given = {name.lower(): value for name, value in headers.items()}
        timestamp, signature = (
            given.get(TIMESTAMP_HEADER.lower(), ""),
            given.get(SIGNATURE_HEADER.lower(), ""),
        )
        if not timestamp or not signature:
            return f"{TIMESTAMP_HEADER} and {SIGNATURE_HEADER} are needed"
        if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 16):
            return f"{TIMESTAMP_HEADER} is not a unix time in seconds"
        if not hmac.compare_digest(sign(self._secret, timestamp, body).encode(), signature.encode()):
            return "the signature does not belong to this body, time and secret"
        age_seconds = self._clock() - int(timestamp)
        if abs(age_seconds) > TOLERANCE_SECONDS:
            limit = f"at most {TOLERANCE_SECONDS} s are accepted"
            return f"signed {age_seconds:.0f} s ago; {limit} (are the clocks right?)"
        return None

    def _run(self, call: HotfixCall) -> Answer:
        self._append({"id": call.id, "action": call.action, "hotfix": call.hotfix, "begun_at": self._clock()})
        try:
            answer: Answer = 200, {"status": DONE[call.action], "detail": self._handlers[call.hotfix](call)}
        except Exception as error:  # noqa: BLE001 (a stranger's handler: whatever it raises is its answer)
            answer = 500, {"status": "failed", "detail": f"{type(error).__name__}: {error}"}
        self._answers[call.id, call.action] = answer
        self._append({"id": call.id, "action": call.action, "http": answer[0], "answer": answer[1]})
        return answer

    def _append(self, entry: Mapping[str, Any]) -> None:
        self.journal.parent.mkdir(parents=True, exist_ok=True)
        with self.journal.open("ab") as file:
            file.write(json.dumps(entry).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def _read_journal(self) -> dict[tuple[str, str], Answer]:
        answers: dict[tuple[str, str], Answer] = {}
        if not self.journal.exists():
            return answers
        text = self.journal.read_bytes()
        if text and not text.endswith(
            b"\n"
        ):  # died while writing: end the line so that the next stands alone
            with self.journal.open("ab") as file:
                file.write(b"\n")
        for line in text.splitlines():
            try:
                entry = json.loads(line)
                key = (entry["id"], entry["action"])
            except (ValueError, KeyError, TypeError):
                continue  # half a line of a process that died: its call had not begun yet
            answers[key] = (entry["http"], entry["answer"]) if "answer" in entry else _unfinished(key)
        return answers


def _unfinished(key: tuple[str, str]) -> Answer:
    detail = f"{key[1]} {key[0]} was begun and never finished: look at what is served, then send a new id"
    return 409, {"status": "unknown", "detail": detail}


def parse(body: bytes) -> HotfixCall:
    """
    The call in a body.

    Raises:
        ValueError: says which key is missing or wrong.
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise ValueError("the body is not JSON") from None
    if not isinstance(document, dict):
        raise ValueError("the body is not a JSON object")
    for key in ("id", "hotfix"):
        if not isinstance(document.get(key), str) or not document[key]:
            raise ValueError(f"{key}: expected a text that is not empty")
    if document.get("action") not in ("apply", "revert"):
        raise ValueError(f"action: expected apply or revert, found {document.get('action')!r}")
    parameters, expires_at = document.get("parameters") or {}, document.get("expires_at")
    if not isinstance(parameters, dict) or not (expires_at is None or isinstance(expires_at, str)):
        raise ValueError("parameters: expected an object; expires_at: expected a time as text, or nothing")
    return HotfixCall(document["id"], document["action"], document["hotfix"], parameters, expires_at)
