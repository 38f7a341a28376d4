"""
Accepts requests as Slack's only if the signature over their raw bytes is valid.

They are read here, once: what is verified and shaped is what Bolt is given.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from bot.border.shape import Body, Malformed, shaped

SIGNATURE, TIMESTAMP = "x-slack-signature", "x-slack-request-timestamp"
MOST_SECONDS = 300
"""How far a timestamp may be from now, either way; a replay within that time is recognised by its key."""


class SignedOnly:
    """Passes on to `answer` the requests signed within the last minutes by a holder of the secret."""

    def __init__(
        self,
        secret: str,
        answer: Callable[[Body], Awaitable[Response]],
        now: Callable[[], float] = time.time,
    ) -> None:
        self._secret = secret.encode()
        self._answer = answer
        self._now = now

    async def take(self, request: Request) -> Response:
        """400 for what Slack would never send, 401 for what it did not sign, otherwise the answer."""
        body = await request.body()
        try:
            if not self._is_signed(request, body):
                return PlainTextResponse("This is not signed by Slack.\n", 401)
            asked = read(body.decode())
        except Malformed as error:
            return PlainTextResponse(f"{error}\n", 400)
        return await self._answer(asked)

    def _is_signed(self, request: Request, body: bytes) -> bool:
        try:
            body.decode()
        except UnicodeDecodeError:
            raise Malformed("The body is not UTF-8.") from None
        signature, timestamp = _one(request, SIGNATURE), _one(request, TIMESTAMP)
        if signature is None or timestamp is None:
            return False
        if not (timestamp.isdecimal() and len(timestamp) <= 12):
            raise Malformed(f"{TIMESTAMP} is no time in seconds.")
        if abs(self._now() - int(timestamp)) > MOST_SECONDS:
            return False
        covered = b"v0:" + timestamp.encode() + b":" + body
        right = "v0=" + hmac.new(self._secret, covered, hashlib.sha256).hexdigest()
        return hmac.compare_digest(right.encode(), signature.encode("utf-8", "replace"))


def _one(request: Request, name: str) -> str | None:
    found = request.headers.getlist(name)
    if len(found) > 1:
        raise Malformed(f"{name} is there twice.")
    return found[0] if found else None


def read(text: str) -> Body:
    """
    What is read of the request with this body: JSON, or a form that may have it as its `payload`.

    Raises:
        Malformed: it is neither, or not as Slack sends it.
    """
    if text.startswith("{"):
        return shaped(_json(text))
    try:
        fields = dict(parse_qsl(text, keep_blank_values=True, max_num_fields=200))
    except ValueError:
        raise Malformed("The body has too many fields.") from None
    return shaped(_json(fields["payload"]) if "payload" in fields else fields)


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
