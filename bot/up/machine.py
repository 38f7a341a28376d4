"""What a run owns on one machine: its ports on loopback, and secrets that are generated once."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from pathlib import Path

LOOPBACK = "127.0.0.1"

Environment = dict[str, str]
"""The environment of a process: variable → value."""


@dataclass(frozen=True)
class Ports:
    """The ports everything listens on, on loopback."""

    web: int = 8000
    workspace: int = 8075
    cinema: int = 8400


def keep_secrets(path: Path) -> dict[str, str]:
    """The secrets in a file that only its owner can read, generated the first time."""
    if not path.exists():
        made = {
            "bot_token": f"xoxb-{secrets.token_hex(24)}",
            "app_token": f"xapp-{secrets.token_hex(24)}",
            "signing_secret": secrets.token_hex(16),
            "webhook_secret": secrets.token_hex(32),
        }
        fresh = path.with_name(f"{path.name}.new")
        fresh.unlink(missing_ok=True)
        fresh.touch(mode=0o600)
        fresh.write_text(json.dumps(made))
        fresh.replace(path)
    return dict(json.loads(path.read_text()))
