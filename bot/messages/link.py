"""Addresses of pages for the reader of a message."""

from __future__ import annotations

from collections.abc import Callable

Link = Callable[[str], str | None]
"""
Path of a page (`/reports/142`) → its address for the reader; None if none can be given: a message that
everybody in a channel reads must not hold an address that opens a page for one of them.
"""


def nowhere(path: str) -> None:
    """No page has an address here."""


def pages_at(public_url: str) -> Link:
    """
    Plain addresses, for pages that ask who is visiting.

    >>> pages_at("https://ops.example")("/audit")
    'https://ops.example/audit'
    """
    return lambda path: f"{public_url}{path}"


def linked(text: str, address: str | None) -> str:
    """
    Text linked to an address, in Slack's markup; just the text if there is none.

    >>> linked("#142", "https://ops.example/reports/142"), linked("#142", None)
    ('<https://ops.example/reports/142|#142>', '#142')
    """
    return f"<{address}|{text}>" if address else text
