"""Kinds of hotfixes, ours and teams' own: found by entry point, and imported on first use."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from domain.recommender.hotfix import HOTFIX_GROUP
from domain.resolution.kind import Kind
from workers.environment.installed import installed, points_of_this_house


@cache
def find(name: str) -> Kind[Any]:
    """
    The installed kind of this name, imported once; a failed import is tried again.

    Raises:
        ConfigurationError: there is none, or two; it cannot be imported; or the entry point names no `Kind`.
    """
    return installed(HOTFIX_GROUP, name, Kind)


def ours() -> Mapping[str, Kind[Any]]:
    """The kinds that ship with this program, by name, in the order of the reference."""
    return {point.name: find(point.name) for point in points_of_this_house(HOTFIX_GROUP)}
