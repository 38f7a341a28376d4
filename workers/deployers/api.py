"""JSON over HTTP with one service: a total deadline, and clear rules on what is certain after a failure."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import orjson

from domain.errors import DeployError, DeployUncertain
from workers.environment.exchange import NoAnswer, NotReached, answered, exchange

MOST_BYTES = 8 * 1024 * 1024
LATER = (408, 425, 429)
"""Refusals that say nothing about the request: it may be sent again."""


class Reply(NamedTuple):
    """`document`: the body's JSON; None if it is not JSON."""

    status: int
    document: Any


class Api:
    """
    One apply or revert that takes several requests.

    Until something was changed a refusal is certain; afterwards nothing is, and every failure is a
    DeployUncertain: when asked again, the deployer looks at the target to find out how far it came.

    Args:
        url: prefix of every path, without a trailing slash.
        headers: sent with every request; may hold a secret.
        seconds: for all requests together.
    """

    def __init__(self, url: str, headers: Mapping[str, str], *, seconds: float) -> None:
        self._url, self._headers = url.rstrip("/"), headers
        self._until = time.monotonic() + seconds
        self._changed = False

    @property
    def left_seconds(self) -> float:
        """How much time is left."""
        return max(self._until - time.monotonic(), 0.001)

    def get(self, path: str, accept: Collection[int] = (200,)) -> Reply:
        """Read something; the answer's status has to be one of these."""
        return self._ask("GET", path, b"", accept)

    def change(self, method: str, path: str, document: object, accept: Collection[int] = (200,)) -> Reply:
        """Change something; from here on no failure is certain."""
        body = b"" if document is None else orjson.dumps(document)
        return self._ask(method, path, body, accept)

    def failed(self, says: str) -> DeployError:
        """The error with this message: certain or uncertain, as things stand."""
        return DeployUncertain(says) if self._changed else DeployError(says)

    def _ask(self, method: str, path: str, body: bytes, accept: Collection[int]) -> Reply:
        headers = {"Content-Type": "application/json", "Accept": "application/json", **self._headers}
        try:
            answer = exchange(
                method, self._url + path, body, headers, seconds=self.left_seconds, most_bytes=MOST_BYTES
            )
        except NotReached as error:
            raise self.failed(f"{error}; is it running?") from error
        except NoAnswer as error:
            self._changed = self._changed or method != "GET"
            raise DeployUncertain(f"{error}; asking again with the same id is safe") from error
        if method != "GET" and not 400 <= answer.status < 500:
            self._changed = True
        reply = Reply(answer.status, _document(answer.body))
        if answer.status in accept and (reply.document is not None or not answer.body):
            return reply
        said = f"{method} {path.partition('?')[0]} was answered {answer.status}"
        answered(said, answer.body)
        if 200 <= answer.status < 300 or answer.status >= 500 or answer.status in LATER:
            raise DeployUncertain(said)
        raise self.failed(said)


def _document(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
