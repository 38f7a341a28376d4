"""The kinds of deployer: the one table, and teams' own by entry point."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import entry_points

from domain.errors import ConfigurationError
from domain.recommender.deployer import Deployer as Declared
from domain.recommender.deployer import UnreadDeployer
from domain.recommender.keys.nearest import nearest
from workers.deployers import file, flag, mlflow, pull_request, redis, webhook
from workers.deployers.confirming import Confirming
from workers.deployers.kind import Environment, Kind
from workers.environment.installed import installed

GROUP = "recsysops.deployers"
KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (file.KIND, redis.KIND, webhook.KIND, mlflow.KIND, pull_request.KIND, flag.KIND)
}


def find(name: str) -> Kind:
    """
    The kind of this name: ours, or else an installed one.

    Raises:
        ConfigurationError: there is none, or two; it cannot be imported; or the entry point names no `Kind`.
    """
    if name in KINDS:
        return KINDS[name]
    if not entry_points(group=GROUP, name=name):
        right = {*KINDS, *entry_points(group=GROUP).names}
        raise ConfigurationError(f"{name!r} is not known; {nearest(name, right)}")
    return installed(GROUP, name, Kind)


def options_of(name: str, own: bool = True) -> type[Declared]:
    """
    The model that a declared deployer of this kind is read as.

    Args:
        own: whether a team's own kind is imported, to read its keys; if not, they stay as they are written.

    Raises:
        ConfigurationError: as `find` does.
    """
    if not own and name not in KINDS and entry_points(group=GROUP, name=name):
        return UnreadDeployer
    return find(name).options


def open_deployer(declared: Declared, environment: Environment) -> Confirming:
    """
    A client for a declared deployer, which confirms every change by reading it back from the target.

    Raises:
        ConfigurationError: what it needs is missing.
    """
    kind = find(declared.kind)
    return Confirming(kind.open(declared, environment), kind, declared.timeout.total_seconds())
