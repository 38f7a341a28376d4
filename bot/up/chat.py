"""The local chat workspace, for when there is no Slack: its process and its environment."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bot.up.machine import LOOPBACK, Environment, Ports, keep_secrets

PROCESS: Mapping[str, str] = {"workspace": "exec python -m bot.workspace"}
"""Name → command, in addition to those of the Procfile."""


def chat_environment(var: Path, ports: Ports) -> Environment:
    """The environment of bot and workspace; their secrets are generated once, for the owner only."""
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
    """The same with Slack's requests over Socket Mode: none of our addresses has to be reachable."""
    token = environment["WORKSPACE_APP_TOKEN"]
    return {**environment, "SLACK_APP_TOKEN": token, "SLACK_SIGNING_SECRET": "", "WORKSPACE_REQUEST_URL": ""}
