"""Where a page is, for whoever reads a message."""

from __future__ import annotations

from collections.abc import Callable

Link = Callable[[str], str | None]
"""
Path of a page (`/reports/142`) → its address for the reader; None where none can be written: what everybody
in a channel reads holds no address that opens a page for one of them.
"""


def nowhere(path: str) -> None:
    """No page has an address here."""


def pages_at(public_url: str) -> Link:
    """
    Plain addresses, for pages that ask who is there.

    >>> pages_at("https://ops.example")("/audit")
    'https://ops.example/audit'
    """
    return lambda path: f"{public_url}{path}"


def linked(text: str, address: str | None) -> str:
    """
    Text that leads to an address, in Slack's markup; the text alone where there is none.

    >>> linked("#142", "https://ops.example/reports/142"), linked("#142", None)
    ('<https://ops.example/reports/142|#142>', '#142')
    """
    return f"<{address}|{text}>" if address else text
