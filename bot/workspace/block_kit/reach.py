"""Which addresses Slack can fetch a picture from: those on the open internet, and no others."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

_INSIDE = (".local", ".localhost", ".internal", ".lan", ".home.arpa", ".test", ".invalid")


def reachable(url: str) -> bool:
    """
    Whether one of Slack's servers could fetch this address; no name is looked up.

    >>> [reachable(f"http://{host}/a.png") for host in ("127.0.0.1:8000", "10.1.2.3", "[::1]", "web")]
    [False, False, False, False]
    >>> reachable("https://recsysops.example.com/a.png")
    True
    """
    host = (urlsplit(url).hostname or "").rstrip(".").lower()
    try:
        return ip_address(host).is_global
    except ValueError:
        return "." in host and not host.endswith(_INSIDE)


def unreachable_images(node: Any, pointer: str) -> list[str]:
    """Problems for each `image_url` that Slack could not fetch."""
    if isinstance(node, list):
        return [p for index, item in enumerate(node) for p in unreachable_images(item, f"{pointer}/{index}")]
    if not isinstance(node, dict):
        return []
    problems = [p for key, value in node.items() for p in unreachable_images(value, f"{pointer}/{key}")]
    url = node.get("image_url")
    if isinstance(url, str) and not reachable(url):
        problems.append(f"downloading image failed [json-pointer:{pointer}/image_url]")
    return problems
