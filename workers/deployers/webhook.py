"""A hotfix sent to a recommender's own receiver: signed, with a deadline, never redirected."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import urlsplit

import httpx
import orjson

from domain.errors import ConfigurationError, DeployError, DeployUncertain
from domain.values import Option

TIMEOUT_SECONDS = 10.0
ANSWER_LIMIT = 300  # characters of a stranger's answer that are shown


class WebhookDeployer:
    """
    Calls `url` with a JSON body signed by the shared secret (scheme `v1`: HMAC-SHA256 of `v1:time:body`).

    Args:
        url: https anywhere, http on loopback only.
        clock: now, aware UTC; the signature carries it.
    """

    def __init__(
        self,
        url: str,
        secret: str,
        *,
        clock: Callable[[], datetime],
        timeout_seconds: float = TIMEOUT_SECONDS,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        _check(url, secret)
        self.url = url
        self._secret = secret.encode()
        self._clock = clock
        self._timeout = httpx.Timeout(timeout_seconds)
        self._transport = transport

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
        try:
            with httpx.Client(
                timeout=self._timeout, follow_redirects=False, transport=self._transport, trust_env=False
            ) as client:
                response = client.post(self.url, content=body, headers=self._headers(body))
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise DeployError(
                f"{self.url} could not be reached ({error}); is the receiver running?"
            ) from error
        except httpx.HTTPError as error:
            raise DeployUncertain(
                f"{self.url} gave no answer ({type(error).__name__}); asking again with the same id is safe"
            ) from error
        return self._read(response, action)

    def _headers(self, body: bytes) -> dict[str, str]:
        timestamp = str(int(self._clock().timestamp()))
        message = b"v1:" + timestamp.encode() + b":" + body
        return {
            "Content-Type": "application/json",
            "X-RecSysOps-Timestamp": timestamp,
            "X-RecSysOps-Signature": "v1=" + hmac.new(self._secret, message, hashlib.sha256).hexdigest(),
        }

    def _read(self, response: httpx.Response, action: str) -> str:
        detail = _detail(response)
        if response.status_code >= 500:
            raise DeployUncertain(f"{self.url} answered {response.status_code}: {detail}")
        if response.status_code == 409:
            raise DeployUncertain(f"{self.url} does not know whether it did it: {detail}")
        if not response.is_success:
            raise DeployError(f"{self.url} refused to {action} it ({response.status_code}): {detail}")
        return detail or f"{self.url} answered {response.status_code}"


def _detail(response: httpx.Response) -> str:
    try:
        document = orjson.loads(response.content)
    except orjson.JSONDecodeError:
        return response.text[:ANSWER_LIMIT].strip()
    detail = document.get("detail", document) if isinstance(document, dict) else document
    return str(detail)[:ANSWER_LIMIT]


def _check(url: str, secret: str) -> None:
    if not secret:
        raise ConfigurationError(
            f"{url}: the webhook's secret is empty; set the variable that `secret_env` names"
        )
    parts = urlsplit(url)
    if parts.scheme == "https" and parts.hostname:
        return
    if parts.scheme == "http" and parts.hostname and _loopback(parts.hostname):
        return
    raise ConfigurationError(
        f"{url}: a webhook needs https, or http on this machine (127.0.0.1, ::1, localhost)"
    )


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
