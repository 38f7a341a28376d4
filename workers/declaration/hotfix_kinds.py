"""Kinds of hotfixes, ours and teams' own: found by entry point, and imported on first use."""

from __future__ import annotations

from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from domain.errors import ConfigurationError, told
from domain.recommender.hotfix import HOTFIX_GROUP
from domain.resolution.kind import Kind
from workers.environment.installed import points_of_this_house


@cache
def find(name: str) -> Kind[Any]:
    """
    The installed kind of this name, imported once; a failed import is tried again.

    Raises:
        ConfigurationError: there is none, or two; it cannot be imported; or the entry point names no `Kind`.
    """
    points = {one.value: one for one in entry_points(group=HOTFIX_GROUP, name=name)}
    if not points:
        raise ConfigurationError(f'hotfix kind "{name}" is not installed here; install its package')
    if len(points) > 1:
        named = " and ".join(sorted(points))
        raise ConfigurationError(f'hotfix kind "{name}" is installed twice: {named}; remove one')
    return _imported(next(iter(points.values())))


def ours() -> tuple[Kind[Any], ...]:
    """The kinds that ship with this program, in the order of the reference."""
    return tuple(find(point.name) for point in points_of_this_house(HOTFIX_GROUP))


def _imported(point: EntryPoint) -> Kind[Any]:
    try:
        it = point.load()
    except Exception as error:
        says = told(error)
        raise ConfigurationError(
            f'hotfix kind "{point.name}" cannot be imported from {point.value}: {says}'
        ) from error
    if not isinstance(it, Kind) or it.name != point.name:
        raise ConfigurationError(
            f'hotfix kind "{point.name}": {point.value} is no Kind of that name; name the value in its entry '
            "point"
        )
    return it
