"""The settings of one local workspace, read once when it starts, then frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

BOT_SCOPES = (
    "channels:history",
    "channels:read",
    "chat:write",
    "commands",
    "files:write",
    "groups:history",
    "groups:read",
    "usergroups:read",
    "users:read",
)
BOT_EVENTS = ("app_home_opened", "subteam_created", "subteam_members_changed", "subteam_updated")


@dataclass(frozen=True)
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
        on_first_view_url: POSTed to once, when a browser first opens the workspace.
        first_view:        what that view starts; a view that starts something else is a first view again.
        scopes:            what the bot token may do; a method that needs another is refused.
        file_seconds:      how long an uploaded file is not ready to be shown in a message.
        events:            event types the app has subscribed to.
        post_seconds:      the least time between two messages in a channel: one that comes sooner is refused
                           (429), as Slack does with about a second. 0: no limit.
        ack_seconds:       how long the app may take to answer a delivery.
        retry_seconds:     pauses before an unanswered event is delivered again.
        allowed_hosts:     host names, beside loopback ones, under which the pages may be opened.
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
    scopes: tuple[str, ...] = BOT_SCOPES
    events: tuple[str, ...] = BOT_EVENTS
    file_seconds: float = 0.3
    post_seconds: float = 0.0
    ack_seconds: float = 3.0
    retry_seconds: tuple[float, ...] = (0.0, 60.0, 300.0)
    allowed_hosts: tuple[str, ...] = ()


def settings_from_environment(environment: Mapping[str, str]) -> WorkspaceSettings:
    """
    The settings in the `WORKSPACE_*` variables; a variable that is not set keeps its default.

    Raises:
        ValueError: a value that should be a number is not, or a `WORKSPACE_` variable matches no setting.

    >>> settings_from_environment({"WORKSPACE_PORT": "9000"}).port
    9000
    """
    known = {f"WORKSPACE_{field.name.upper()}": field.name for field in fields(WorkspaceSettings)}
    given: dict[str, object] = {}
    for name, value in environment.items():
        if not name.startswith("WORKSPACE_"):
            continue
        if name not in known:
            raise ValueError(f"{name} is not a setting of the workspace. Known: {', '.join(sorted(known))}.")
        given[known[name]] = _read(name, value)
    return WorkspaceSettings(**given)  # type: ignore[arg-type]  # each value was read by its own name


def _read(name: str, value: str) -> object:
    parts = tuple(part.strip() for part in value.split(",") if part.strip())
    try:
        match name.removeprefix("WORKSPACE_"):
            case "PORT":
                return int(value)
            case "ACK_SECONDS" | "FILE_SECONDS" | "POST_SECONDS":
                return float(value)
            case "RETRY_SECONDS":
                return tuple(float(part) for part in parts)
            case "SCOPES" | "EVENTS" | "ALLOWED_HOSTS":
                return parts
            case "DATA_FOLDER":
                return Path(value) if value else None
            case _:
                return value
    except ValueError as error:
        raise ValueError(f"{name} has to be a number, not {value!r}.") from error
