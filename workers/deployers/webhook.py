"""A hotfix sent to a recommender's own receiver: signed, with one deadline, done only where it says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import orjson

from domain.errors import ConfigurationError, DeployError, DeployUncertain
from domain.values import Option
from workers.exchange import Answer, NoAnswer, NotReached, exchange, is_safe, signed_headers

TIMEOUT_SECONDS = 10.0
ANSWER_BYTES = 64 * 1024
SHOWN_CHARACTERS = 300  # of a stranger's answer
DONE: Mapping[str, str] = {"apply": "applied", "revert": "reverted"}
UNDECIDED = (408, 409, 425)
"""Refusals after which nobody knows: it took too long, an earlier call is in hand, or it is asked later."""


class WebhookDeployer:
    """
    Calls `url` with a JSON body signed by the shared secret (scheme `v1`: HMAC-SHA256 of `v1:time:body`).

    Done is what the receiver says is done: `{"status": "applied" | "reverted", "id": …, "hotfix": …}` with
    the call's own id and hotfix. `"status": "refused"`, and a refusal by HTTP, are refusals. Whatever else
    comes leaves it uncertain.

    Args:
        url: https anywhere, http on loopback only.
        clock: now, aware UTC; the signature carries it.
        timeout_seconds: for the whole call, from the name of the host to the last byte of the answer.
    """

    in_stages = False  # a receiver does not say whether it would serve some members only

    def __init__(
        self,
        url: str,
        secret: str,
        *,
        clock: Callable[[], datetime],
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        _check(url, secret)
        self.url = url
        self.host = urlsplit(url).hostname  # a path may hold a token, which is shown to nobody
        self._secret = secret.encode()
        self._clock = clock
        self._timeout_seconds = timeout_seconds

    def apply(self, key: str, option: Option, expires_at: datetime | None) -> str:
        """Ask the receiver to put the option in force."""
        return self._call(key, "apply", option, expires_at)

    def revert(self, key: str, option: Option) -> str:
        """Ask the receiver to undo what it applied under `key`."""
        return self._call(key, "revert", option, None)

    def _call(self, key: str, action: str, option: Option, expires_at: datetime | None) -> str:
        document = {
            "id": key,
            "action": action,
            "hotfix": option.hotfix,
            "parameters": option.parameters,
            "expires_at": expires_at.astimezone(UTC).isoformat() if expires_at else None,
        }
        body = orjson.dumps(document)
        headers = {"Content-Type": "application/json", **signed_headers(self._secret, body, self._clock())}
        try:
            answer = exchange(
                "POST", self.url, body, headers, seconds=self._timeout_seconds, most_bytes=ANSWER_BYTES
            )
        except NotReached as error:
            raise DeployError(f"{error}; is the receiver running?") from error
        except NoAnswer as error:
            raise DeployUncertain(f"{error}; asking again with the same id is safe") from error
        return self._read(answer, key, action, option.hotfix)

    def _read(self, answer: Answer, key: str, action: str, hotfix: str) -> str:
        document = _document(answer.body)
        status, detail = document.get("status"), _shown(document.get("detail"), answer.body)
        said = f"{self.host} answered {answer.status}"
        if answer.status >= 500 or answer.status in UNDECIDED:
            raise DeployUncertain(f"{said} and does not know whether it did it: {detail}")
        if status == "refused":
            raise DeployError(f"{self.host} refused to {action} it: {detail}")
        if not 200 <= answer.status < 300:
            if status in DONE.values():
                raise DeployUncertain(f"{said} and yet “{status}”; look at what is served")
            raise DeployError(f"{self.host} refused to {action} it ({answer.status}): {detail}")
        if status != DONE[action]:
            raise DeployUncertain(
                f'{said} without saying that it did it ("status": "{DONE[action]}"), but: {detail}'
            )
        about = (document.get("id"), document.get("hotfix"))
        if about != (key, hotfix):
            raise DeployUncertain(f"{said} about another call ({_shown(about, b'')}); look at what is served")
        return _shown(document.get("detail"), b"") or said


def _document(body: bytes) -> dict[str, Any]:
    """The answer's JSON object; empty where it is none."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return document if isinstance(document, dict) else {}


def _shown(detail: object, body: bytes) -> str:
    """What the receiver says, for people: cut, and on one line."""
    text = body.decode(errors="replace") if detail is None else str(detail)
    return " ".join(text[:SHOWN_CHARACTERS].split())


def _check(url: str, secret: str) -> None:
    host = urlsplit(url).hostname
    if not secret:
        raise ConfigurationError(
            f"{host}: the webhook's secret is empty; set the variable that `secret_env` names"
        )
    if not is_safe(url):
        raise ConfigurationError(
            f"{host or url}: a webhook needs https, or http on this machine (127.0.0.1, ::1, localhost)"
        )
