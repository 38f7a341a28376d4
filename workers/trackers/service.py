"""JSON over HTTP with one tracker: a total deadline, and refusals with messages that say what to do."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

import orjson

from domain.answer import Advice
from domain.errors import ConfigurationError, TrackerError
from workers.environment.exchange import Answer, NoAnswer, NotReached, answered, exchange
from workers.trackers.kind import Environment

MOST_BYTES = 8 * 1024 * 1024


class Reply(NamedTuple):
    """`document`: the body's JSON; None if it is not JSON."""

    status: int
    document: Any


class Service:
    """
    One operation on a tracker, which may take several requests.

    Args:
        about: its name in messages.
        url: prefix of every path, without a trailing slash.
        headers: sent with every request; contain the secret.
        variable: where the secret came from.
        seconds: for all requests together.
    """

    def __init__(
        self, about: str, url: str, headers: Mapping[str, str], *, variable: str, seconds: float
    ) -> None:
        self._about, self._url, self._variable = about, url.rstrip("/"), variable
        self._headers = {"Content-Type": "application/json", "Accept": "application/json", **headers}
        self._until = time.monotonic() + seconds

    def ask(self, method: str, path: str, document: object = None, accept: Collection[int] = (200,)) -> Reply:
        """
        Send one request; the answer's status has to be one of `accept`.

        Raises:
            TrackerError: it was refused, or the outcome is unknown.
        """
        body = b"" if document is None else orjson.dumps(document)
        left = max(self._until - time.monotonic(), 0.001)
        try:
            answer = exchange(
                method, self._url + path, body, self._headers, seconds=left, most_bytes=MOST_BYTES
            )
        except (NotReached, NoAnswer) as error:
            raise TrackerError(f"{self._about}: {error}") from error
        reply = Reply(answer.status, _document(answer.body))
        if answer.status in accept and (reply.document is not None or not answer.body):
            return reply
        raise TrackerError(f"{self._about} {self._refusal(answer)}{_fields(reply.document, document)}")

    def _refusal(self, answer: Answer) -> str:
        answered(f"{self._about} answered {answer.status}", answer.body)
        if answer.status == 401:
            return f"does not accept the secret in {self._variable} ({answer.status}); set that variable anew"
        if answer.status == 429 or (answer.status == 403 and b"rate limit" in answer.body.lower()):
            return f"asks to wait ({answer.status}); it is asked again later"
        if answer.status == 403:
            return (
                f"does not let the account of {self._variable} do that ({answer.status}); give it the right"
            )
        return f"answered {answer.status}"


def secret_of(about: str, variable: str, environment: Environment) -> str:
    """
    The value of a variable.

    Raises:
        ConfigurationError: it is not set.
    """
    if secret := environment.get(variable):
        return secret
    raise ConfigurationError(f"the variable {variable} is not set: {about} could not be asked")


def examined(where: str, look: Iterator[str], fix: str) -> Iterator[Advice]:
    """Advice on what a check found wrong, or on why it could not run."""
    try:
        for says in look:
            yield Advice(level="error", where=where, says=says, fix=fix)
    except ConfigurationError as error:
        yield Advice(level="error", where=where, says=str(error), fix="set it")
    except TrackerError as error:
        yield Advice(level="warning", where=where, says=str(error), fix=fix)


def _fields(answer: object, asked: object) -> str:
    """The fields of ours that the tracker finds fault with; not what it says of them."""
    match answer, asked:
        case {"errors": dict(wrong)}, {"fields": dict(ours)} if found := [
            one for one in ours if one in wrong
        ]:
            return f", about {', '.join(found)}"
    return ""


def _document(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
