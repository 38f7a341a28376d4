"""A hotfix sent to a recommender's own receiver: signed, one deadline, done only if it says so."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import urlsplit

import orjson
from pydantic import Field

from domain.answer import Advice
from domain.errors import ConfigurationError, DeployError, DeployUncertain
from domain.recommender.deployer import Deployer
from domain.values import Option
from workers.deployers.kind import Environment, Kind
from workers.environment import clock
from workers.environment.address import host_of
from workers.environment.exchange import (
    Answer,
    NoAnswer,
    NotReached,
    answered,
    exchange,
    is_safe,
    signed_headers,
)

TIMEOUT_SECONDS = 10.0
ANSWER_BYTES = 64 * 1024
CONFIRMED_BYTES = 4 * 1024 * 1024
EXAMINED_SECONDS = 3.0
DONE: Mapping[str, str] = {"apply": "applied", "revert": "reverted"}
UNDECIDED = (408, 409, 425)
"""Refusals with an unknown outcome: it timed out, an earlier call is in progress, or it came too early."""


class WebhookOptions(Deployer):
    """
    `url` is posted what to do, `confirm_url` the question of what is in force (the same, if the receiver
    answers both); `secret_env` names the variable with the secret that both calls are signed with.
    """

    kind: Literal["webhook"]
    url: str = Field(min_length=1)
    """Address that is posted what to do."""
    confirm_url: str | None = None
    """Address that answers what is in force."""
    secret_env: str = Field(min_length=1)
    """Variable with the secret that calls are signed with."""


class WebhookDeployer:
    """
    Calls `url` with a JSON body signed by the shared secret (scheme `v1`: HMAC-SHA256 of `v1:time:body`).

    A call is done if the receiver says so: `{"status": "applied" | "reverted", "id": …, "hotfix": …}` with
    the call's own id and hotfix. `"status": "refused"`, and a refusal by HTTP, are refusals. Any other
    answer leaves it uncertain.

    Args:
        url, confirm_url: https anywhere, http on loopback only.
        clock: now, aware UTC; the signature contains it.
        timeout_seconds: for the whole call, from resolving the host to the last byte of the answer.
    """

    def __init__(
        self,
        url: str,
        secret: str,
        *,
        clock: Callable[[], datetime],
        timeout_seconds: float = TIMEOUT_SECONDS,
        confirm_url: str | None = None,
    ) -> None:
        for asked in (url, confirm_url or url):
            _check(asked, secret)
        self.url, self.confirm_url = url, confirm_url
        self.host = host_of(url)
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
        try:
            answer = self._post(self.url, document, ANSWER_BYTES)
        except NotReached as error:
            raise DeployError(f"{error}; is the receiver running?") from error
        except NoAnswer as error:
            raise DeployUncertain(f"{error}; asking again with the same id is safe") from error
        return self._read(answer, key, action, option.hotfix)

    def serving(self) -> frozenset[str] | None:
        """
        What the answer of `confirm_url` lists under `serving`; None if no such address is declared.

        The question has its own id, which the answer repeats: so it cannot be one that was kept somewhere.
        """
        if self.confirm_url is None:
            return None
        asked = uuid.uuid4().hex
        try:
            answer = self._post(self.confirm_url, {"id": asked, "action": "confirm"}, CONFIRMED_BYTES)
        except (NotReached, NoAnswer) as error:
            raise DeployUncertain(str(error)) from error
        document = _document(answer.body)
        keys = document.get("serving")
        if (
            answer.status != 200
            or not isinstance(keys, list)
            or not all(isinstance(key, str) for key in keys)
        ):
            raise DeployUncertain(
                f'{self.host} did not list what is in force under "serving", but answered {answer.status}'
            )
        if document.get("id") != asked:
            raise DeployUncertain(f"{self.host} answered another question than what is in force now")
        return frozenset(keys)

    def _post(self, url: str, document: Mapping[str, Any], most_bytes: int) -> Answer:
        body = orjson.dumps(document)
        headers = {"Content-Type": "application/json", **signed_headers(self._secret, body, self._clock())}
        return exchange("POST", url, body, headers, seconds=self._timeout_seconds, most_bytes=most_bytes)

    def _read(self, answer: Answer, key: str, action: str, hotfix: str) -> str:
        document = _document(answer.body)
        status = document.get("status")
        said = f"{self.host} answered {answer.status}"
        answered(said, answer.body)
        if answer.status >= 500 or answer.status in UNDECIDED:
            raise DeployUncertain(f"{said} and does not know whether it did it")
        if status == "refused":
            raise DeployError(f"{self.host} refused to {action} it; its log says why")
        if not 200 <= answer.status < 300:
            if status in DONE.values():
                raise DeployUncertain(f"{said} and yet “{status}”; look at what is served")
            raise DeployError(f"{self.host} refused to {action} it ({answer.status})")
        if status != DONE[action]:
            raise DeployUncertain(f'{said} without saying that it did it ("status": "{DONE[action]}")')
        about = (document.get("id"), document.get("hotfix"))
        if about != (key, hotfix):
            raise DeployUncertain(f"{said} about another call; look at what is served")
        return f"{self.host} {DONE[action]} it"


def _document(body: bytes) -> dict[str, Any]:
    """The answer's JSON object; empty if it is not one."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return document if isinstance(document, dict) else {}


def _check(url: str, secret: str) -> None:
    host = host_of(url)
    if not secret:
        raise ConfigurationError(
            f"{host}: the webhook's secret is empty; set the variable that `secret_env` names"
        )
    if not is_safe(url):
        raise ConfigurationError(
            f"{host}: a webhook needs https, or http on this machine (127.0.0.1, ::1, localhost)"
        )


def _opened(declared: WebhookOptions, environment: Environment) -> WebhookDeployer:
    return WebhookDeployer(
        declared.url,
        environment.get(declared.secret_env, ""),
        clock=clock.now,
        timeout_seconds=declared.timeout.total_seconds(),
        confirm_url=declared.confirm_url,
    )


def _examine(declared: WebhookOptions, environment: Environment) -> Iterator[Advice]:
    """Whether the receiver answers; it is not asked to do anything."""
    where = f"deployers.{declared.name}"
    if not environment.get(declared.secret_env):
        says, fix = f"the variable {declared.secret_env} is not set: calls could not be signed", "set it"
        yield Advice(level="error", where=f"{where}.secret_env", says=says, fix=fix)
    if urlsplit(declared.url).scheme not in {"http", "https"}:
        says = "is not an http(s) address"
        yield Advice(
            level="error", where=f"{where}.url", says=says, fix="write for instance https://host/hook"
        )
        return
    try:
        exchange("HEAD", declared.url, b"", {}, seconds=EXAMINED_SECONDS, most_bytes=ANSWER_BYTES)
    except (NotReached, NoAnswer) as error:
        says = f"does not answer ({error})"
        yield Advice(level="warning", where=f"{where}.url", says=says, fix="start it, or correct url")
        return
    yield from _examine_confirmation(declared, environment)


def _examine_confirmation(declared: WebhookOptions, environment: Environment) -> Iterator[Advice]:
    where = f"deployers.{declared.name}.confirm_url"
    if declared.confirm_url is None:
        says = "not declared: that a hotfix is in force is the receiver's word, and not read back"
        yield Advice(
            level="note", where=where, says=says, fix="add confirm_url, where it lists what it serves"
        )
        return
    if not environment.get(declared.secret_env):
        return
    try:
        _opened(declared, environment).serving()
    except (DeployError, ConfigurationError) as error:
        fix = "let it list the keys in force, or correct confirm_url"
        yield Advice(level="warning", where=where, says=str(error), fix=fix)


KIND = Kind(
    "webhook",
    WebhookOptions,
    _opened,
    _examine,
    lambda kind: True,
    needs="`url` of a receiver (`recsysops_client.WebhookReceiver`), `secret_env`; `confirm_url`",
    confirms="`confirm_url` lists the keys in force; without it the receiver's answer is believed",
    reverts="a signed call with the same id",
    renews=False,  # repeated calls get the same answer, so the receiver never learns of a later end
)
