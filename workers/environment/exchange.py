"""
One bounded HTTP exchange with a foreign host: a total deadline, and a size limit on the raw answer.

Redirects are not followed and no proxy from the environment is used: the address is the declared one.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ipaddress
import ssl
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import NamedTuple
from urllib.parse import urlsplit

import structlog

from domain.errors import RecsysopsError
from workers.environment import redaction
from workers.environment.address import host_of, misread

LOGGED_CHARACTERS = 300
_log = structlog.get_logger(__name__)


class NotReached(RecsysopsError):
    """The request did not reach the host."""


class NoAnswer(RecsysopsError):
    """It is unknown whether the request was accepted: no complete answer arrived."""


class Answer(NamedTuple):
    """`body` as received: within the size limit, and not decompressed."""

    status: int
    body: bytes


def exchange(
    method: str, url: str, body: bytes, headers: Mapping[str, str], *, seconds: float, most_bytes: int
) -> Answer:
    """
    Send one request.

    Args:
        seconds: for everything together: name resolution, connection, request and answer.
        most_bytes: of the answer; a longer or compressed one counts as no answer.

    Raises:
        NotReached, NoAnswer: with a message that names the host but not the rest of the address.
    """
    import httpx  # noqa: PLC0415 - the web process reads what is declared, and asks nobody

    if not _is_address(url):
        raise NotReached(f"{host_of(url)} could not be reached: its address {misread(url) or 'is none'}")
    _trusted()  # loaded before the deadline starts to run
    # Not asyncio.run, which would wait for a name lookup that is still running at the deadline.
    loop = asyncio.new_event_loop()
    try:
        asked = _ask(method, url, body, dict(headers), seconds, most_bytes)
        return loop.run_until_complete(asyncio.wait_for(asked, seconds))
    except TimeoutError:
        raise NoAnswer(f"{host_of(url)} gave no whole answer within {seconds:.0f} s") from None
    except (httpx.ConnectError, httpx.ConnectTimeout):
        raise NotReached(f"{host_of(url)} could not be reached") from None
    except httpx.HTTPError as error:
        raise NoAnswer(f"{host_of(url)} gave no answer ({type(error).__name__})") from None
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


def answered(said: str, body: bytes) -> None:
    """Log what a service answered beyond its status: its words are stored and shown nowhere."""
    _log.info(
        "foreign_answer", to=said, says=redaction.foreign(body.decode(errors="replace"))[:LOGGED_CHARACTERS]
    )


@cache
def _trusted() -> ssl.SSLContext:
    """The trusted certificate authorities. Loading them takes longer than a request to most hosts."""
    import httpx  # noqa: PLC0415

    return httpx.create_ssl_context(trust_env=False)


def _is_address(url: str) -> bool:
    """Whether it has a host, and a valid port."""
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


async def _ask(
    method: str, url: str, body: bytes, headers: dict[str, str], seconds: float, most_bytes: int
) -> Answer:
    import httpx  # noqa: PLC0415

    given = {"Accept-Encoding": "identity", **headers}
    async with (
        httpx.AsyncClient(
            verify=_trusted(), timeout=seconds, follow_redirects=False, trust_env=False
        ) as client,
        client.stream(method, url, content=body, headers=given) as answer,
    ):
        if answer.headers.get("Content-Encoding", "identity") != "identity":
            raise NoAnswer(f"{host_of(url)} answered packed, though nobody asked for that")
        taken = bytearray()
        async for part in answer.aiter_raw():
            taken += part
            if len(taken) > most_bytes:
                raise NoAnswer(f"{host_of(url)} answered with more than {most_bytes:,} bytes")
        return Answer(answer.status_code, bytes(taken))


def signed_headers(secret: bytes, body: bytes, at: datetime) -> dict[str, str]:
    """Proof that we sent `body` (scheme `v1`: HMAC-SHA256 of `v1:time:body`); see `recsysops_client`."""
    timestamp = str(int(at.timestamp()))
    message = b"v1:" + timestamp.encode() + b":" + body
    return {
        "X-RecSysOps-Timestamp": timestamp,
        "X-RecSysOps-Signature": "v1=" + hmac.new(secret, message, hashlib.sha256).hexdigest(),
    }


def is_safe(url: str) -> bool:
    """Whether an address may be contacted: by https, or by http on this machine."""
    parts = urlsplit(url)
    if parts.scheme == "https":
        return bool(parts.hostname)
    return parts.scheme == "http" and bool(parts.hostname) and is_loopback(str(parts.hostname))


def is_loopback(host: str) -> bool:
    """Whether a host name means this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
