"""The environment, read once into one frozen object. Nobody else reads it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from domain.errors import ConfigurationError

SERVER_ADDRESSES = "servers.json"

BROKERS = ("redis", "rediss", "amqp", "amqps")
"""Schemes of a broker's address: Redis and Valkey, RabbitMQ; an s at the end means TLS."""
LEFT_VARIABLES = "environment.json"
CONFIG = "recsysops.toml"

@dataclass(frozen=True)
class Settings:
    """
    What the environment says. Secrets are kept out of `repr`, so that they reach no log.

    `database_url` and `broker_url` are None where no server is named and none is running under `var`.
    """

    database_url: str | None = field(default=None, repr=False)
    broker_url: str | None = field(default=None, repr=False)
    config: Path = Path("recsysops.toml")
    broker_queue: str = "recsysops"
    var: Path = Path("var")
    slack_bot_token: str | None = field(default=None, repr=False)
    slack_signing_secret: str | None = field(default=None, repr=False)
    slack_app_token: str | None = field(default=None, repr=False)
    slack_base_url: str = "https://slack.com/api/"
    public_url: str = "http://127.0.0.1:8000"
    host: str = "127.0.0.1"
    port: int = 8000

    def database(self) -> str:
        """
        The address of PostgreSQL.

        Raises:
            ConfigurationError: none is named and none is running.
        """
        return _needed(self.database_url, "PostgreSQL", "DATABASE_URL")

    def broker(self) -> str:
        """
        The address of the broker that carries jobs.

        Raises:
            ConfigurationError: none is named and none is running, or its scheme is not one of `BROKERS`.
        """
        url = _needed(self.broker_url, "a broker", "REDIS_URL")
        scheme, separator, rest = url.partition("://")
        if scheme == "valkey":
            scheme = "redis"
        if scheme not in BROKERS or not separator:
            # Its scheme alone: there may be a password in the rest.
            raise ConfigurationError(
                f"The broker's address (BROKER_URL or REDIS_URL) begins with {scheme[:20]!r}; write for instance "
                "redis://host:6379/0 (Redis, Valkey) or amqp://user:password@host:5672/vhost (RabbitMQ)."
            )
        return f"{scheme}://{rest}"


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """
    Settings from an environment (the process's own by default).

    Where no server is named, the ones that `recsysops up` started under RECSYSOPS_VAR are used.

    Raises:
        ConfigurationError: PORT is not a number.
    """
    given = {name: value for name, value in (environment or os.environ).items() if value}
    var = Path(given.get("RECSYSOPS_VAR", "var"))
    started = _started_servers(var)
    port = given.get("PORT", "8000")
    if not port.isdecimal():
        raise ConfigurationError(
            f"PORT is {port!r}, which is not a port number; set it to one, for instance 8000."
        )
    host = given.get("HOST", "127.0.0.1")
    return Settings(
        database_url=given.get("DATABASE_URL", started.get("database_url")),
        broker_url=given.get("BROKER_URL") or given.get("REDIS_URL", started.get("redis_url")),
        config=Path(given.get("RECSYSOPS_CONFIG", "recsysops.toml")),
        var=var,
        slack_bot_token=given.get("SLACK_BOT_TOKEN"),
        slack_signing_secret=given.get("SLACK_SIGNING_SECRET"),
        slack_app_token=given.get("SLACK_APP_TOKEN"),
        slack_base_url=given.get("SLACK_BASE_URL", "https://slack.com/api/"),
        public_url=given.get("PUBLIC_URL", f"http://{host}:{port}").rstrip("/"),
        host=host,
        port=int(port),
    )


@lru_cache(maxsize=1)
def settings() -> Settings:
    """This process's settings, read at the first call."""
    return read_settings()


def _needed(url: str | None, what: str, variable: str) -> str:
    if url is None:
        raise ConfigurationError(
            f"No address of {what}: set {variable}, or start one with `recsysops up` and run this beside it."
        )
    return url


def _started_servers(var: Path) -> dict[str, str]:
    # A file read here and not through workers.embedded: the web process need not know how to start a server.
    addresses = var / SERVER_ADDRESSES
    return dict(json.loads(addresses.read_text())) if addresses.exists() else {}
