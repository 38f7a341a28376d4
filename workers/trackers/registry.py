"""The kinds of tracker: the one table, and teams' own by entry point."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import entry_points

from domain.errors import ConfigurationError
from domain.recommender.keys.nearest import nearest
from domain.recommender.practice.tracker import Tracker as Declared
from domain.recommender.practice.tracker import UnreadTracker
from workers.environment.installed import installed
from workers.trackers import file, github, jira
from workers.trackers.kind import Environment, Kind, Tracker

GROUP = "recsysops.trackers"
KINDS: Mapping[str, Kind] = {kind.name: kind for kind in (file.KIND, github.KIND, jira.KIND)}


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
    The model that a declared tracker of this kind is read as.

    Args:
        own: whether a team's own kind is imported, to read its keys; if not, they stay as they are written.

    Raises:
        ConfigurationError: as `find` does.
    """
    if not own and name not in KINDS and entry_points(group=GROUP, name=name):
        return UnreadTracker
    return find(name).options


def open_tracker(declared: Declared, environment: Environment) -> Tracker:
    """
    A client for a declared tracker.

    Raises:
        ConfigurationError: what it needs is missing.
    """
    return find(declared.kind).open(declared, environment)
