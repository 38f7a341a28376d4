"""The settings of one local workspace, read once when it starts, then frozen."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, ValidationError
from pydantic.dataclasses import dataclass

PREFIX = "WORKSPACE_"
BOT_SCOPES = (
    "channels:history,channels:read,chat:write,commands,files:write,groups:history,groups:read,"
    "usergroups:read,users:read"
)


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class WorkspaceSettings:
    """
    Everything the workspace needs to know. The tokens and the secret are for loopback use: any value
    will do, as long as the app is started with the same ones.

    Attributes:
        host, port:        where to listen; port 0 takes a free one.
        bot_token:         what the app sends as `Authorization: Bearer` (the `xoxb-` one).
        app_token:         what `apps.connections.open` wants (the `xapp-` one).
        signing_secret:    signs what is delivered to `request_url`.
        request_url:       HTTP mode: where commands, clicks and events are POSTed. Empty: Socket Mode.
        data_folder:       where messages survive a restart. None: kept in memory only.
        on_first_view_url: POSTed `{"on": true}` once, when a browser first opens the workspace.
        first_view:        what that view starts; a view that starts something else is a first view again.
        scopes:            what the bot token may do; a method that needs another is refused.
        post_seconds:      the least time between two messages in a channel: one that comes sooner is refused
                           (429), as Slack does with about a second. 0: no limit.
    """

    host: str = "127.0.0.1"
    port: int = 8075
    bot_token: str = "xoxb-local"  # noqa: S105 - a loopback default, no secret
    app_token: str = "xapp-local"  # noqa: S105
    signing_secret: str = "local-signing-secret"  # noqa: S105
    request_url: str = ""
    data_folder: Path | None = None
    on_first_view_url: str = ""
    first_view: str = "asked"
    scopes: str = BOT_SCOPES
    post_seconds: float = 0.0


def settings_from_environment(environment: Mapping[str, str]) -> WorkspaceSettings:
    """
    The settings in the `WORKSPACE_*` variables; one that is not set, or empty, keeps its default.

    Raises:
        ValueError: a value that should be a number is not, or a `WORKSPACE_` variable matches no setting.

    >>> settings_from_environment({"WORKSPACE_PORT": "9000"}).port
    9000
    """
    given: dict[str, Any] = {
        name.removeprefix(PREFIX).lower(): value
        for name, value in environment.items()
        if name.startswith(PREFIX) and value
    }
    try:
        return WorkspaceSettings(**given)
    except ValidationError as error:
        problems = [f"{PREFIX}{one['loc'][0]}".upper() + f": {one['msg']}" for one in error.errors()]
        raise ValueError("\n".join(problems)) from error
