"""The environment, read once into one frozen object; and the values of a declaration's variables."""

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
from workers.environment import redaction
from workers.environment.address import misread

SERVER_ADDRESSES = "servers.json"
WORKSPACE = re.compile(r"[a-z][a-z0-9_]{0,39}")
BROKERS = ("redis", "rediss", "amqp", "amqps")
"""Schemes of a broker's address: Redis and Valkey, RabbitMQ; a final s means TLS."""
LEFT_VARIABLES = "environment.json"
CONFIG = "recsysops.toml"


@dataclass(frozen=True)
class Login:
    """
    The OpenID Connect provider that people log in with for the pages, and which of its people may.

    Attributes:
        domains: of verified e-mail addresses. groups: of the claim `groups`. subjects: of the claim `sub`.
            Whoever is in one of the three may see the pages.
    """

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    domains: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()


@dataclass(frozen=True)
class Settings:
    """
    What the environment says. Secrets are left out of `repr`, so that they reach no log.

    `database_url` and `broker_url` are None if no server is named and none is running under `var`.
    `owner_url` is the same database for the owner of its tables, who migrates them. `workspace` separates
    several recommenders in one database. `signing_key` is the file of the key that signs checkpoints and
    seals events; None for the one under `var`. Seals made with `former_keys` stay valid. `allowed_hosts` are
    names of the web process in addition to that of `public_url`; its metrics are served on `metrics_port` of
    loopback, or to callers with `metrics_token`.
    """

    database_url: str | None = field(default=None, repr=False)
    owner_url: str | None = field(default=None, repr=False)
    workspace: str = "main"
    broker_url: str | None = field(default=None, repr=False)
    broker_queue: str = "recsysops"
    config: Path = Path("recsysops.toml")
    var: Path = Path("var")
    signing_key: Path | None = None
    former_keys: tuple[Path, ...] = ()
    slack_bot_token: str | None = field(default=None, repr=False)
    slack_signing_secret: str | None = field(default=None, repr=False)
    slack_app_token: str | None = field(default=None, repr=False)
    slack_base_url: str = "https://slack.com/api/"
    public_url: str = "http://127.0.0.1:8000"
    host: str = "127.0.0.1"
    port: int = 8000
    allowed_hosts: tuple[str, ...] = ()
    metrics_port: int | None = None
    metrics_token: str | None = field(default=None, repr=False)
    login: Login | None = None

    def database(self) -> str:
        """
        The address of PostgreSQL.

        Raises:
            ConfigurationError: none is named and none is running, or it cannot be read.
        """
        return _needed(self.database_url, "PostgreSQL", "DATABASE_URL")

    def owner(self) -> str:
        """
        The address of PostgreSQL for the owner of the tables.

        Raises:
            ConfigurationError: none is named and none is running.
        """
        if self.owner_url is None:
            return self.database()
        return _needed(self.owner_url, "PostgreSQL", "DATABASE_OWNER_URL")

    def broker(self) -> str:
        """
        The address of the broker that carries jobs.

        Raises:
            ConfigurationError: none is named and none is running, or its scheme is not one of `BROKERS`.
        """
        url = _needed(self.broker_url, "a broker", "BROKER_URL or REDIS_URL")
        scheme, separator, rest = url.partition("://")
        if scheme == "valkey":
            scheme = "redis"
        if scheme not in BROKERS or not separator:
            # Only its scheme: the rest may contain a password.
            raise ConfigurationError(
                f"The broker's address (BROKER_URL or REDIS_URL) begins with {scheme[:20]!r}; write "
                "redis://host:6379/0 (Redis, Valkey) or amqp://user:password@host:5672/vhost (RabbitMQ), "
                "for instance."
            )
        return f"{scheme}://{rest}"


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """
    Settings from an environment (the process's own by default).

    If no server or declaration is named, those of the `recsysops up` running on RECSYSOPS_VAR are used.

    Raises:
        ConfigurationError: PORT is not a number, RECSYSOPS_WORKSPACE not a name, or the login half declared.
    """
    given = _named(environment)
    around = surroundings(environment)
    var = _var(given)
    started = _read(var / SERVER_ADDRESSES)
    redaction.note_environment(started)
    host = given.get("HOST", "127.0.0.1")
    workspace = _workspace(given.get("RECSYSOPS_WORKSPACE", "main"))
    signing_keys = [Path(one) for one in given.get("RECSYSOPS_SIGNING_KEY", "").split(os.pathsep) if one]
    return Settings(
        database_url=given.get("DATABASE_URL", started.get("database_url")),
        # The owner of what was started here owns nothing on an explicitly named server.
        owner_url=given.get("DATABASE_OWNER_URL", given.get("DATABASE_URL", started.get("owner_url"))),
        workspace=workspace,
        broker_url=given.get("BROKER_URL") or given.get("REDIS_URL", started.get("redis_url")),
        broker_queue=given.get("BROKER_QUEUE") or _queue(workspace),
        config=Path(
            given.get("RECSYSOPS_CONFIG") or _own_declaration() or around.get("RECSYSOPS_CONFIG", CONFIG)
        ),
        var=var,
        signing_key=signing_keys[0] if signing_keys else None,
        former_keys=tuple(signing_keys[1:]),
        slack_bot_token=given.get("SLACK_BOT_TOKEN"),
        slack_signing_secret=given.get("SLACK_SIGNING_SECRET"),
        slack_app_token=given.get("SLACK_APP_TOKEN"),
        slack_base_url=given.get("SLACK_BASE_URL", "https://slack.com/api/"),
        public_url=around.get("PUBLIC_URL", f"http://{host}:{given.get('PORT', '8000')}").rstrip("/"),
        host=host,
        port=_port(given, "PORT", 8000) or 8000,
        allowed_hosts=_listed(given, "ALLOWED_HOSTS"),
        metrics_port=_port(given, "METRICS_PORT", None),
        metrics_token=given.get("METRICS_TOKEN"),
        login=_login(given),
    )


def surroundings(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """
    The values of a declaration's `${NAME}` and `secret_env`: the process's own variables (or
    `environment`), which override those that a running `recsysops up` left for a second terminal.
    """
    given = _named(environment)
    around = {**_read(_var(given) / LEFT_VARIABLES), **given}
    redaction.note_environment(around)
    return around


@contextmanager
def left_variables(var: Path, variables: Mapping[str, str]) -> Iterator[None]:
    """Leaves variables under `var` for `surroundings`, readable by the owner only, during the block."""
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
    """Removes what `left_variables` left, even if that was killed."""
    (var / LEFT_VARIABLES).unlink(missing_ok=True)


@lru_cache(maxsize=1)
def settings() -> Settings:
    """This process's settings, read on the first call."""
    return read_settings()


def _port(given: Mapping[str, str], name: str, otherwise: int | None) -> int | None:
    said = given.get(name)
    if said is None:
        return otherwise
    if not (said.isascii() and said.isdecimal() and 0 < int(said) < 65536):
        raise ConfigurationError(
            f"{name} is {said!r}, which is not a port number; set it to one, such as 8000."
        )
    return int(said)


def _listed(given: Mapping[str, str], name: str) -> tuple[str, ...]:
    return tuple(filter(None, (one.strip() for one in given.get(name, "").split(","))))


def _login(given: Mapping[str, str]) -> Login | None:
    needed = ("OIDC_ISSUER", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET")
    allowed = ("OIDC_ALLOWED_DOMAINS", "OIDC_ALLOWED_GROUPS", "OIDC_ALLOWED_SUBJECTS")
    if not any(name.startswith("OIDC_") for name in given):
        return None
    if missing := [name for name in needed if name not in given]:
        raise ConfigurationError(f"{' and '.join(missing)} not set: a login needs {', '.join(needed)}.")
    domains, groups, subjects = (_listed(given, name) for name in allowed)
    if not (domains or groups or subjects):
        raise ConfigurationError(f"Nobody may log in: set {', '.join(allowed)}, or one of them.")
    issuer = given["OIDC_ISSUER"].rstrip("/")
    if not issuer.startswith(("https://", "http://127.0.0.1", "http://localhost")):
        raise ConfigurationError(f"OIDC_ISSUER is {issuer!r}; it has to begin with https://")
    at_domains = tuple(one.lower().removeprefix("@") for one in domains)
    return Login(issuer, given[needed[1]], given[needed[2]], at_domains, groups, subjects)


def _queue(workspace: str) -> str:
    # One per workspace, so that workspaces can share a broker as they can share a database.
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
    if wrong := misread(url):
        raise ConfigurationError(f"{variable} {wrong}.")
    return url


def _own_declaration() -> str | None:
    """The declaration in the current folder, which takes precedence over a running `recsysops up`'s."""
    return CONFIG if Path(CONFIG).exists() else None


def _var(given: Mapping[str, str]) -> Path:
    return Path(given.get("RECSYSOPS_VAR", "var"))


def _named(environment: Mapping[str, str] | None) -> dict[str, str]:
    return {name: value for name, value in (environment or os.environ).items() if value}


def _read(file: Path) -> dict[str, str]:
    # Read here and not through workers.embedded: the web process need not know how to start a server.
    return dict(json.loads(file.read_text())) if file.exists() else {}
