"""The environment, read once into one frozen object; and what a declaration's variables stand for."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from domain.errors import ConfigurationError

SERVER_ADDRESSES = "servers.json"
WORKSPACE = re.compile(r"[a-z][a-z0-9_]{0,39}")
BROKERS = ("redis", "rediss", "amqp", "amqps")
"""Schemes of a broker's address: Redis and Valkey, RabbitMQ; an s at the end means TLS."""
LEFT_VARIABLES = "environment.json"
CONFIG = "recsysops.toml"


@dataclass(frozen=True)
class Settings:
    """
    What the environment says. Secrets are kept out of `repr`, so that they reach no log.

    `database_url` and `broker_url` are None where no server is named and none is running under `var`.
    `owner_url` is the same database for whoever owns its tables and migrates them. `workspace` keeps several
    recommenders apart in one database. `signing_key` is the file of the key that signs checkpoints; None for
    one under `var`.
    """

    database_url: str | None = field(default=None, repr=False)
    owner_url: str | None = field(default=None, repr=False)
    workspace: str = "main"
    broker_url: str | None = field(default=None, repr=False)
    broker_queue: str = "recsysops"
    config: Path = Path("recsysops.toml")
    var: Path = Path("var")
    signing_key: Path | None = None
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

    def owner(self) -> str:
        """
        The address of PostgreSQL for whoever owns the tables.

        Raises:
            ConfigurationError: none is named and none is running.
        """
        return self.owner_url or self.database()

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
                f"The broker's address (BROKER_URL or REDIS_URL) begins with {scheme[:20]!r}; write "
                "redis://host:6379/0 (Redis, Valkey) or amqp://user:password@host:5672/vhost (RabbitMQ), "
                "for instance."
            )
        return f"{scheme}://{rest}"


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """
    Settings from an environment (the process's own by default).

    Where no server or declaration is named, those of the `recsysops up` that runs on RECSYSOPS_VAR are used.

    Raises:
        ConfigurationError: PORT is not a number, or RECSYSOPS_WORKSPACE no name.
    """
    given = _named(environment)
    around = surroundings(environment)
    var = _var(given)
    started = _read(var / SERVER_ADDRESSES)
    port = given.get("PORT", "8000")
    if not port.isdecimal():
        raise ConfigurationError(
            f"PORT is {port!r}, which is not a port number; set it to one, for instance 8000."
        )
    host = given.get("HOST", "127.0.0.1")
    workspace = _workspace(given.get("RECSYSOPS_WORKSPACE", "main"))
    signing_key = given.get("RECSYSOPS_SIGNING_KEY")
    return Settings(
        database_url=given.get("DATABASE_URL", started.get("database_url")),
        # The owner of what was started here owns nothing on a server that was named.
        owner_url=given.get("DATABASE_OWNER_URL", given.get("DATABASE_URL", started.get("owner_url"))),
        workspace=workspace,
        broker_url=given.get("BROKER_URL") or given.get("REDIS_URL", started.get("redis_url")),
        broker_queue=given.get("BROKER_QUEUE") or _queue(workspace),
        config=Path(
            given.get("RECSYSOPS_CONFIG") or _own_declaration() or around.get("RECSYSOPS_CONFIG", CONFIG)
        ),
        var=var,
        signing_key=Path(signing_key) if signing_key else None,
        slack_bot_token=given.get("SLACK_BOT_TOKEN"),
        slack_signing_secret=given.get("SLACK_SIGNING_SECRET"),
        slack_app_token=given.get("SLACK_APP_TOKEN"),
        slack_base_url=given.get("SLACK_BASE_URL", "https://slack.com/api/"),
        public_url=around.get("PUBLIC_URL", f"http://{host}:{port}").rstrip("/"),
        host=host,
        port=int(port),
    )


def surroundings(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """
    The variables that a declaration's `${NAME}` and `secret_env` stand for: the process's own (or
    `environment`), over those that a running `recsysops up` left for a second terminal.
    """
    given = _named(environment)
    return {**_read(_var(given) / LEFT_VARIABLES), **given}


@contextmanager
def left_variables(var: Path, variables: Mapping[str, str]) -> Iterator[None]:
    """Leaves variables under `var` for `surroundings`, readable by the owner only, while the block lasts."""
    file = var / LEFT_VARIABLES
    fresh = file.with_name(f"{file.name}.new")
    fresh.unlink(missing_ok=True)
    fresh.touch(mode=0o600)
    fresh.write_text(json.dumps(dict(variables)), encoding="utf-8")
    fresh.replace(file)
    try:
        yield
    finally:
        forget_variables(var)


def forget_variables(var: Path) -> None:
    """Takes away what `left_variables` left, also where that was killed."""
    (var / LEFT_VARIABLES).unlink(missing_ok=True)


@lru_cache(maxsize=1)
def settings() -> Settings:
    """This process's settings, read at the first call."""
    return read_settings()


def _queue(workspace: str) -> str:
    # Of its own, so that workspaces may share a broker as they may share a database.
    return "recsysops" if workspace == "main" else f"recsysops-{workspace}"


def _workspace(name: str) -> str:
    if not WORKSPACE.fullmatch(name):
        raise ConfigurationError(
            f"RECSYSOPS_WORKSPACE is {name!r}; name a workspace with up to 40 of a-z, 0-9 and _, "
            "beginning with a letter."
        )
    return name


def _needed(url: str | None, what: str, variable: str) -> str:
    if url is None:
        raise ConfigurationError(
            f"No address of {what}: set {variable}, or start one with `recsysops up` and run this beside it."
        )
    return url


def _own_declaration() -> str | None:
    """The declaration in the current folder, which goes before one that a running `recsysops up` left."""
    return CONFIG if Path(CONFIG).exists() else None


def _var(given: Mapping[str, str]) -> Path:
    return Path(given.get("RECSYSOPS_VAR", "var"))


def _named(environment: Mapping[str, str] | None) -> dict[str, str]:
    return {name: value for name, value in (environment or os.environ).items() if value}


def _read(file: Path) -> dict[str, str]:
    # A file read here and not through workers.embedded: the web process need not know how to start a server.
    return dict(json.loads(file.read_text())) if file.exists() else {}
