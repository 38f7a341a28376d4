"""
One HTTP exchange with a stranger that ends: a total deadline, an answer of limited size that is not unpacked.

Redirects are not followed and no proxy of the environment is asked: the address is the one that was declared.
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

from domain.errors import RecsysopsError


class NotReached(RecsysopsError):
    """The request did not get there."""


class NoAnswer(RecsysopsError):
    """Nobody knows whether the request was taken: there was no whole answer to it."""


class Answer(NamedTuple):
    """`body` as it came: no more than was allowed, and not unpacked."""

    status: int
    body: bytes


def exchange(
    method: str, url: str, body: bytes, headers: Mapping[str, str], *, seconds: float, most_bytes: int
) -> Answer:
    """
    Ask once.

    Args:
        seconds: for everything together: name, connection, request and answer.
        most_bytes: of the answer; one that is longer, or packed, is none.

    Raises:
        NotReached, NoAnswer: in words, with the host and without the rest of the address.
    """
    import httpx  # noqa: PLC0415 - the web process reads what is declared, and asks nobody

    if not _is_address(url):
        raise NotReached(f"{_host(url)} could not be reached: its address is none")
    _trusted()  # read before the time begins
    # Not asyncio.run, which waits for a name that is still looked up when the time is over.
    loop = asyncio.new_event_loop()
    try:
        asked = _ask(method, url, body, dict(headers), seconds, most_bytes)
        return loop.run_until_complete(asyncio.wait_for(asked, seconds))
    except TimeoutError:
        raise NoAnswer(f"{_host(url)} gave no whole answer within {seconds:.0f} s") from None
    except (httpx.ConnectError, httpx.ConnectTimeout):
        raise NotReached(f"{_host(url)} could not be reached") from None
    except httpx.HTTPError as error:
        raise NoAnswer(f"{_host(url)} gave no answer ({type(error).__name__})") from None
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


@cache
def _trusted() -> ssl.SSLContext:
    """Who may say who a host is. Reading it takes longer than to ask most hosts."""
    import httpx  # noqa: PLC0415

    return httpx.create_ssl_context(trust_env=False)


def _is_address(url: str) -> bool:
    """Whether it has a host, and a port that there is."""
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
            raise NoAnswer(f"{_host(url)} answered packed, though nobody asked for that")
        taken = bytearray()
        async for part in answer.aiter_raw():
            taken += part
            if len(taken) > most_bytes:
                raise NoAnswer(f"{_host(url)} answered with more than {most_bytes:,} bytes")
        return Answer(answer.status_code, bytes(taken))


def signed_headers(secret: bytes, body: bytes, at: datetime) -> dict[str, str]:
    """What says that we sent `body` (scheme `v1`: HMAC-SHA256 of `v1:time:body`); see `recsysops_client`."""
    timestamp = str(int(at.timestamp()))
    message = b"v1:" + timestamp.encode() + b":" + body
    return {
        "X-RecSysOps-Timestamp": timestamp,
        "X-RecSysOps-Signature": "v1=" + hmac.new(secret, message, hashlib.sha256).hexdigest(),
    }


def is_safe(url: str) -> bool:
    """Whether an address may be asked: by https, or by http on this machine."""
    parts = urlsplit(url)
    if parts.scheme == "https":
        return bool(parts.hostname)
    return parts.scheme == "http" and bool(parts.hostname) and is_loopback(str(parts.hostname))


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, by its name."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _host(url: str) -> str:
    # There may be a token in the path, and a password before the host.
    return urlsplit(url).hostname or "the address"
