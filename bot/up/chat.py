"""The chat workspace of this machine, where no Slack is at hand: its process and its environment."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

LOOPBACK = "127.0.0.1"
PROCESS: Mapping[str, str] = {"workspace": "exec python -m bot.workspace"}
"""Name → command, beside those of the Procfile."""

Environment = dict[str, str]


@dataclass(frozen=True)
class Ports:
    """Where everything listens, on loopback."""

    web: int = 8000
    workspace: int = 8075
    cinema: int = 8400


def chat_environment(var: Path, ports: Ports) -> Environment:
    """What the bot and the workspace are told; their secrets are made up once and kept for the owner only."""
    own = keep_secrets(var / "secrets.json")
    return {
        "SLACK_BOT_TOKEN": own["bot_token"],
        "SLACK_SIGNING_SECRET": own["signing_secret"],
        "SLACK_APP_TOKEN": "",
        "SLACK_BASE_URL": f"http://{LOOPBACK}:{ports.workspace}/api/",
        "WORKSPACE_HOST": LOOPBACK,
        "WORKSPACE_PORT": str(ports.workspace),
        "WORKSPACE_BOT_TOKEN": own["bot_token"],
        "WORKSPACE_APP_TOKEN": own["app_token"],
        "WORKSPACE_SIGNING_SECRET": own["signing_secret"],
        "WORKSPACE_REQUEST_URL": f"http://{LOOPBACK}:{ports.web}/slack/events",
        "WORKSPACE_DATA_FOLDER": str(var / "workspace"),
    }


def over_socket(environment: Environment) -> Environment:
    """The same with Slack's requests over Socket Mode: no address of ours has to be reached."""
    token = environment["WORKSPACE_APP_TOKEN"]
    return {**environment, "SLACK_APP_TOKEN": token, "SLACK_SIGNING_SECRET": "", "WORKSPACE_REQUEST_URL": ""}


def keep_secrets(path: Path) -> dict[str, str]:
    """The secrets in a file that only its owner can read, made up the first time."""
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
