"""Where a hotfix is sent."""

from __future__ import annotations

from datetime import timedelta

from pydantic import ConfigDict

from domain.recommender.keys.duration import Duration
from domain.values import Value


class Deployer(Value):
    """
    What every kind of deployer has; each kind adds its address and how it is reached (`workers.deployers`).

    `timeout` covers everything one apply or revert asks, and again its confirmation. Secrets stay in the
    environment: a key that ends in `_env` holds the name of a variable.
    """

    name: str
    kind: str
    """Where hotfixes go: a kind of ours or an installed one."""
    timeout: Duration = timedelta(seconds=10)
    """Longest time for one apply or revert, and again for its confirmation."""


class UnreadDeployer(Deployer):
    """One of a third-party kind, as written: whoever does not deploy need not import that kind."""

    model_config = ConfigDict(extra="allow")
