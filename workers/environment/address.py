"""What may be said of an address, whose password may have been written so that no one reads it as one."""

from __future__ import annotations

from urllib.parse import urlsplit

UNENCODED = (
    "cannot be read as an address (the password holds '/', '#', '?', '[' or ']' unencoded: percent-encode "
    "it, '/' as %2F, '#' as %23, '?' as %3F)"
)
REASONS = (
    (
        ("authentication failed", "no password supplied"),
        "it does not let the login in; check user and password",
    ),
    (("does not exist",), "it has no such database, or no such login"),
    (("refused", "no such file"), "nothing listens there; start it, or correct host and port"),
    (("resolve host", "translate host", "not known"), "its host is not known; correct it"),
    (("timeout", "timed out"), "it did not answer in time"),
    (("ssl", "certificate"), "no TLS connection can be made; check sslmode and its certificates"),
)
WITH_PATHS = ("http", "https")
"""Schemes of addresses whose path may hold an `@`."""


def misread(url: str) -> str | None:
    """
    Why readers of addresses would take part of the password for something else; None if they would not.

    >>> misread("postgresql://me:pass/word@host/db") == UNENCODED, misread("postgresql://me:p%2Fw@host/db")
    (True, None)
    """
    scheme, _, rest = url.partition("://")
    place = _place(rest)
    path = rest[len(place) :].partition("=")[0]  # behind it a user or a host may follow: ?user=me@host
    fits = _fits(url) or "," in place  # several hosts, as PostgreSQL takes them
    if place and "@" in path and "@" not in place and not (fits and scheme in WITH_PATHS):
        return UNENCODED
    return None if fits or "@" not in url else UNENCODED


def host_of(url: str) -> str:
    """The host, for messages: the path may hold a token, and a password may precede the host."""
    place = _place(url.partition("://")[2])
    if "@" in url and "@" not in place:
        return "the address"
    try:
        return urlsplit(url).hostname or "the address"
    except ValueError:
        return "the address"


def why_not(error: BaseException) -> str:
    """Why a server was not reached, in our words, by what its driver says."""
    said = str(error).lower()
    return next(
        (why for phrases, why in REASONS if any(one in said for one in phrases)), "it says why in its log"
    )


def _place(rest: str) -> str:
    """What precedes the path, the query and the fragment."""
    return min((rest.partition(mark)[0] for mark in "/?#"), key=len)


def _fits(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.port is None or parts.port > 0
    except ValueError:
        return False
