"""JSON over HTTP with one foreign service: its address, its secret, and a total deadline."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, NamedTuple

import orjson
from pydantic import AfterValidator

from domain.answer import Advice
from domain.errors import ConfigurationError, DeployError, TrackerError
from workers.environment.exchange import exchange, is_safe

MOST_BYTES = 8 * 1024 * 1024


def _safe(url: str) -> str:
    if not is_safe(url):
        raise ValueError("it needs https, or http on this machine (127.0.0.1, ::1, localhost)")
    return url


SafeAddress = Annotated[str, AfterValidator(_safe)]
"""An address that is contacted over TLS, or on this machine."""


class Reply(NamedTuple):
    """`body` as received; `document`: its JSON, None if it is not JSON."""

    status: int
    body: bytes
    document: Any

    def is_one_of(self, *statuses: int) -> bool:
        """Whether it has one of these statuses, and JSON or nothing in it."""
        return self.status in statuses and (self.document is not None or not self.body)


class Service:
    """
    One operation on a service, which may take several requests.

    Args:
        url: prefix of every path, without a trailing slash.
        headers: sent with every request; may hold a secret.
        seconds: for all requests together.
    """

    def __init__(self, url: str, headers: Mapping[str, str], *, seconds: float) -> None:
        self._url = url.rstrip("/")
        self._headers = {"Content-Type": "application/json", "Accept": "application/json", **headers}
        self._until = time.monotonic() + seconds

    @property
    def left_seconds(self) -> float:
        """How much time is left."""
        return max(self._until - time.monotonic(), 0.001)

    def send(self, method: str, path: str, document: object = None) -> Reply:
        """
        Send one request.

        Raises:
            NotReached, NoAnswer: as `exchange` does.
        """
        body = b"" if document is None else orjson.dumps(document)
        seconds, most_bytes = self.left_seconds, MOST_BYTES
        answer = exchange(
            method, self._url + path, body, self._headers, seconds=seconds, most_bytes=most_bytes
        )
        try:
            found = orjson.loads(answer.body)
        except orjson.JSONDecodeError:
            found = None
        return Reply(answer.status, answer.body, found)


def secret_of(environment: Mapping[str, str], variable: str, about: str) -> str:
    """
    The secret in a variable.

    Raises:
        ConfigurationError: it is not set.
    """
    if secret := environment.get(variable):
        return secret
    raise ConfigurationError(f"the variable {variable} is not set: {about} could not be asked")


def authorization_of(environment: Mapping[str, str], variable: str | None, about: str) -> dict[str, str]:
    """
    The headers with what is in the variable, where one is declared.

    Raises:
        ConfigurationError: it is not set.
    """
    return {"Authorization": secret_of(environment, variable, about)} if variable is not None else {}


def examined(where: str, key: str | None, look: Iterator[Advice], fix: str) -> Iterator[Advice]:
    """The advice of a look at a service, or on why it could not be looked at; `key` is that of its secret."""
    try:
        yield from look
    except ConfigurationError as error:
        named = f"{where}.{key}" if key else where
        yield Advice(level="error", where=named, says=str(error), fix="set it")
    except (DeployError, TrackerError) as error:
        yield Advice(level="warning", where=where, says=str(error), fix=fix)
