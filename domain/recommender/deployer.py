"""Where a hotfix is sent."""

from __future__ import annotations

from datetime import timedelta

from pydantic import ConfigDict

from domain.recommender.keys.duration import Duration
from domain.values import Value


class Deployer(Value):
    """
    What every kind of deployer has; each kind adds where it is and how it is reached (`workers.deployers`).

    `timeout` is for all that one apply or revert asks, and once more for its confirmation. Secrets stay in
    the environment: a key that ends in `_env` has the name of a variable.
    """

    name: str
    kind: str
    """Where hotfixes go: a kind of ours or an installed one."""
    timeout: Duration = timedelta(seconds=10)
    """Longest time for one apply or revert, and once more for its confirmation."""


class UnreadDeployer(Deployer):
    """One of a stranger's kind, as it is written: whoever does not deploy does not import that kind."""

    model_config = ConfigDict(extra="allow")
