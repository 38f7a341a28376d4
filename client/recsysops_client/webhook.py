"""Signed calls that apply or revert a hotfix: verified, done at most once, answered the same each time."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from .journal import Answer, Journal, Known, Stage

TIMESTAMP_HEADER = "X-RecSysOps-Timestamp"
SIGNATURE_HEADER = "X-RecSysOps-Signature"
TOLERANCE_SECONDS = 300
MOST_BYTES = 1024 * 1024
MOST_CHARACTERS = 300  # of an id and of a hotfix's name
DETAIL_CHARACTERS = 2_000
DONE = {"apply": "applied", "revert": "reverted"}


@dataclass(frozen=True)
class HotfixCall:
    """The caller's request. `id` is the same for the apply and for its revert."""

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
    Verifies a call, passes it to the handler of its hotfix, and remembers the answer in the file `journal`.

    The start of a call is on disk before its handler runs. An apply whose process died in between is not
    repeated, but reported as unknown (409); a revert is repeated, so make it harmless to revert twice. What
    failed may be tried again. A requested revert is final: a later apply of the same id is refused, and so is
    one that has expired. Several receivers, in one process or in many, may share a journal; they handle one
    call at a time.

    Args:
        secret: shared with the caller; during a rotation both, the new one and the former.
    """

    def __init__(
        self, secret: str | Sequence[str], journal: str | Path, clock: Callable[[], float] = time.time
    ) -> None:
        self._secrets = (secret,) if isinstance(secret, str) else tuple(secret)
        if not self._secrets or not all(self._secrets):
            raise ValueError(
                "the webhook's shared secret is empty: set one, or anybody can change what is served"
            )
        self._journal, self._clock = Journal(Path(journal)), clock
        self._handlers: dict[str, Handler] = {}
        self._serving: Callable[[], Iterable[str]] | None = None
        with self._journal.held():
            pass  # so that an unreadable or unwritable journal is noticed at the start

    @property
    def problem(self) -> str | None:
        """What was wrong with the journal and is left out of it; None if nothing was."""
        return self._journal.problem

    def register(self, hotfix: str, handler: Handler) -> None:
        """Let `handler` answer the calls for `hotfix`, both apply and revert."""
        self._handlers[hotfix] = handler

    def confirm_by(self, serving: Callable[[], Iterable[str]]) -> None:
        """Let `serving` return the ids in force: from what is served, not from what was requested."""
        self._serving = serving

    def receive(self, headers: Mapping[str, str], body: bytes) -> Answer:
        """The HTTP status and JSON body to answer with. Never raises because of what a caller sent."""
        if len(body) > MOST_BYTES:
            return _refused(413, f"the body is longer than {MOST_BYTES:,} bytes")
        refusal = self._refuse(headers, body)
        if refusal:
            return _refused(401, refusal)
        if (asked := _asked_to_confirm(body)) is not None:
            return self._confirm(asked)
        try:
            call = parse(body)
        except ValueError as error:
            return _refused(400, str(error))
        try:
            with self._journal.held():
                return self._about(call, self._decide(call))
        except OSError as error:
            detail = f"the journal cannot be written ({error.strerror}); nothing is known to be done"
            return self._about(call, (503, {"status": "failed", "detail": detail}))

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
        said = signature.encode(errors="replace")
        # All are tried, so that the time taken does not reveal which one fits.
        fits = [hmac.compare_digest(sign(one, timestamp, body).encode(), said) for one in self._secrets]
        if not any(fits):
            return "the signature does not belong to this body, time and secret"
        age_seconds = self._clock() - int(timestamp)
        if abs(age_seconds) > TOLERANCE_SECONDS:
            limit = f"at most {TOLERANCE_SECONDS} s are accepted"
            return f"signed {age_seconds:.0f} s ago; {limit} (are the clocks right?)"
        return None

    def _confirm(self, asked: str) -> Answer:
        """The ids in force, with the id of the question, so that no older answer is mistaken for this one."""
        if self._serving is None:
            return _refused(404, "nothing here says what is in force")
        try:
            keys = sorted({str(key) for key in self._serving()})
        except Exception as error:  # noqa: BLE001 (a stranger's function: whatever it raises is its answer)
            failed = f"{type(error).__name__}: {error}"[:DETAIL_CHARACTERS]
            return 500, {"status": "failed", "id": asked, "detail": failed}
        return 200, {"status": "confirmed", "id": asked, "serving": keys}

    def _decide(self, call: HotfixCall) -> Answer:
        known = self._journal.known(call.id)
        if known is not None and known.hotfix != call.hotfix:
            return _refused(400, f"the id {call.id} is of another hotfix, {known.hotfix}")
        before = self._before(call, known)
        if before is not None:
            return before
        if call.hotfix not in self._handlers:
            names = ", ".join(sorted(self._handlers)) or "none"
            return _refused(404, f"no hotfix {call.hotfix!r} here; registered: {names}")
        return self._run(call)

    def _before(self, call: HotfixCall, known: Known | None) -> Answer | None:
        """The answer if the handler must not run; None if it is to run."""
        if call.action == "revert":
            if known is None or known.apply in (None, "refused"):
                return self._ends(call, "it was never applied here; an apply that comes later is refused")
            return known.reverted if known.revert == "done" else None
        if known is not None and known.revert is not None:
            return _refused(410, f"{call.id} was taken back; send a new id to apply it again")
        if known is not None and known.apply in ("done", "refused"):
            return known.applied
        if known is not None and known.apply == "begun":
            return _unfinished(call)
        if _is_over(call.expires_at, self._clock()):
            answer = _refused(410, f"it expired at {call.expires_at}")
            self._note(call, "refused", answer)
            return answer
        return None

    def _ends(self, call: HotfixCall, detail: str) -> Answer:
        answer: Answer = 200, {"status": DONE["revert"], "detail": detail}
        self._note(call, "done", answer)
        return answer

    def _run(self, call: HotfixCall) -> Answer:
        self._note(call, "begun", None)
        try:
            detail = self._handlers[call.hotfix](call)
        except Exception as error:  # noqa: BLE001 (a stranger's handler: whatever it raises is its answer)
            failed = f"{type(error).__name__}: {error}"[:DETAIL_CHARACTERS]
            answer: Answer = 500, {"status": "failed", "detail": failed}
            self._note(call, "failed", answer)
            return answer
        answer = 200, {"status": DONE[call.action], "detail": str(detail)[:DETAIL_CHARACTERS]}
        self._note(call, "done", answer)
        return answer

    def _note(self, call: HotfixCall, stage: Stage, answer: Answer | None) -> None:
        said = {"http": answer[0], "answer": answer[1]} if answer else {}
        self._journal.write(
            {"id": call.id, "action": call.action, "hotfix": call.hotfix, "stage": stage, "at": self._clock()}
            | said
        )

    def _about(self, call: HotfixCall, answer: Answer) -> Answer:
        """The answer with the call it belongs to, so that it is not mistaken for another's."""
        about = {"id": call.id, "action": call.action, "hotfix": call.hotfix}
        return answer[0], {**answer[1], **about}


def _refused(status: int, detail: str) -> Answer:
    return status, {"status": "refused", "detail": detail}


def _unfinished(call: HotfixCall) -> Answer:
    detail = f"apply {call.id} was begun and never finished: look at what is served, then send a new id"
    return 409, {"status": "unknown", "detail": detail}


def _asked_to_confirm(body: bytes) -> str | None:
    """The id of a question about what is in force; None if the body is a call, or cannot be understood."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict) or document.get("action") != "confirm":
        return None
    asked = document.get("id")
    return asked if isinstance(asked, str) and 0 < len(asked) <= MOST_CHARACTERS else None


def _is_over(expires_at: str | None, now: float) -> bool:
    return expires_at is not None and datetime.fromisoformat(expires_at).timestamp() <= now


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
        if len(document[key]) > MOST_CHARACTERS or not document[key].isprintable():
            raise ValueError(f"{key}: expected at most {MOST_CHARACTERS} characters that can be printed")
    if document.get("action") not in ("apply", "revert"):
        raise ValueError(f"action: expected apply or revert, found {str(document.get('action'))[:40]!r}")
    parameters, expires_at = document.get("parameters") or {}, document.get("expires_at")
    if not isinstance(parameters, dict):
        raise ValueError("parameters: expected an object")
    if expires_at is not None and not _is_time(expires_at):
        raise ValueError("expires_at: expected a time with its zone, 2026-12-01T00:00:00Z, or nothing")
    return HotfixCall(document["id"], document["action"], document["hotfix"], parameters, expires_at)


def _is_time(text: object) -> bool:
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
        return moment is not None and moment.tzinfo is not None and moment.timestamp() is not None
    except (ValueError, OverflowError):
        return False
