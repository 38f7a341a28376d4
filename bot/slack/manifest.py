"""
The manifest of the Slack app: what it may do, which events it receives, where Slack reaches it.

`manifest.json` is the one for HTTP, with a host to be filled in; the one for Socket Mode is the same without
addresses. A test compares both with the methods and events that the code uses.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from domain.errors import ConfigurationError

FILE = Path(__file__).with_name("manifest.json")
HOST = "https://YOUR-HOST"

Manifest = dict[str, Any]


def manifest(public_url: str | None = None, *, socket_mode: bool = False) -> Manifest:
    """
    The manifest for an installation at `public_url` (`HOST` stands for it if it is not given).

    Raises:
        ConfigurationError: Slack cannot reach that address.
    """
    text = FILE.read_text(encoding="utf-8")
    if public_url is not None and not socket_mode:
        if urlsplit(public_url).scheme != "https":
            raise ConfigurationError(
                f"{public_url}: Slack calls https addresses only; name yours with --url, or use --socket"
            )
        text = text.replace(HOST, public_url.rstrip("/"))
    made: Manifest = json.loads(text)
    return _without_addresses(made) if socket_mode else made


def scopes() -> frozenset[str]:
    """The scopes that the bot's token needs."""
    return frozenset(manifest()["oauth_config"]["scopes"]["bot"])


def _without_addresses(made: Manifest) -> Manifest:
    for command in made["features"]["slash_commands"]:
        del command["url"]
    for part in ("event_subscriptions", "interactivity"):
        del made["settings"][part]["request_url"]
    made["settings"]["socket_mode_enabled"] = True
    return made
