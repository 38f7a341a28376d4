"""Presses as Slack sends them: signed, as a form, each with its own trigger."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from benchmarks.stack import SECRET

PERSON = "U-oncall"
TEAM = "T-local"
Json = dict[str, Any]


def button(action: str, value: str, trigger: str, answer_url: str) -> Json:
    """A click on a card's button."""
    pressed = {"type": "button", "action_id": action, "block_id": "buttons", "value": value}
    return {
        **_about("block_actions", trigger),
        "actions": [{**pressed, "action_ts": f"{time.time():.6f}"}],
        "channel": {"id": "C-recsysops", "name": "recsysops"},
        "container": {"type": "message", "message_ts": "1.0", "channel_id": "C-recsysops"},
        "response_url": answer_url,
    }


def modal(action: str, value: str, trigger: str, entered: Mapping[str, Json]) -> Json:
    """A modal sent off: the second half of a press that asks for words first."""
    values = {name: {name: given} for name, given in entered.items()}
    view = {
        "id": f"V-{trigger}",
        "type": "modal",
        "callback_id": action,
        "private_metadata": value,
        "state": {"values": values},
    }
    return {**_about("view_submission", trigger), "view": view, "response_urls": []}


def signed(payload: Json) -> tuple[bytes, dict[str, str]]:
    """Body and headers of a payload, signed now."""
    body = urlencode({"payload": json.dumps(payload)}).encode()
    at = str(int(time.time()))
    digest = hmac.new(SECRET.encode(), b"v0:" + at.encode() + b":" + body, hashlib.sha256).hexdigest()
    return body, {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Slack-Request-Timestamp": at,
        "X-Slack-Signature": f"v0={digest}",
    }


def _about(kind: str, trigger: str) -> Json:
    return {
        "type": kind,
        "user": {"id": PERSON, "username": "oncall", "team_id": TEAM},
        "api_app_id": "A-recsysops",
        "team": {"id": TEAM, "domain": "local"},
        "is_enterprise_install": False,
        "trigger_id": trigger,
    }
