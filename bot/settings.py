"""The settings of the bot's processes, taken from the environment that the door reads once."""

from __future__ import annotations

from dataclasses import dataclass, field

from domain.errors import ConfigurationError
from workers.door import Login, environment


@dataclass(frozen=True)
class BotSettings:
    """
    Tokens are excluded from `repr`, so that they reach no log.

    Attributes:
        public_url: where people's browsers reach the pages; used for links and pictures in messages.
        host, port: where the web process listens.
        allowed_hosts: further host names of it besides the one in `public_url`.
        metrics_port, metrics_token: on which port, or for which token, `/metrics` is served.
        login: how people log in for the pages; None if links open them.
    """

    bot_token: str = field(repr=False)
    signing_secret: str = field(repr=False)
    app_token: str = field(repr=False)
    slack_base_url: str
    public_url: str
    host: str
    port: int
    allowed_hosts: tuple[str, ...] = ()
    metrics_port: int | None = None
    metrics_token: str | None = field(default=None, repr=False)
    login: Login | None = None


def read(*, http: bool = False, socket: bool = False) -> BotSettings:
    """
    This process's settings.

    Args:
        http:   requests come over HTTP: the signing secret is needed.
        socket: they come over Socket Mode: the app-level token is needed.

    Raises:
        ConfigurationError: a required variable is not set.
    """
    given = environment()
    needed = {"SLACK_BOT_TOKEN": given.slack_bot_token}
    if http:
        needed["SLACK_SIGNING_SECRET"] = given.slack_signing_secret
    if socket:
        needed["SLACK_APP_TOKEN"] = given.slack_app_token
    if missing := [name for name, value in needed.items() if not value]:
        raise ConfigurationError(
            f"{' and '.join(missing)} not set. The values are on your Slack app's pages (“Your Slack” in "
            "`recsysops docs`); without Slack, `recsysops up --chat` starts a workspace on this machine."
        )
    return BotSettings(
        bot_token=given.slack_bot_token or "",
        signing_secret=given.slack_signing_secret or "",
        app_token=given.slack_app_token or "",
        slack_base_url=given.slack_base_url,
        public_url=given.public_url,
        host=given.host,
        port=given.port,
        allowed_hosts=given.allowed_hosts,
        metrics_port=given.metrics_port,
        metrics_token=given.metrics_token,
        login=given.login,
    )
