"""What is installed under this program's own name: the entry points that ship with it."""

from __future__ import annotations

from importlib.metadata import EntryPoint, PackageNotFoundError, distribution

HOUSE = "recsysops"
"""This program's distribution name."""


def points_of_this_house(group: str) -> tuple[EntryPoint, ...]:
    """The entry points of this group that ship with this program, in the order of its pyproject.toml."""
    # Not by asking each entry point for its distribution's name: each would read its whole metadata.
    try:
        points = distribution(HOUSE).entry_points
    except PackageNotFoundError:  # run from source, without being installed
        return ()
    return tuple(one for one in points if one.group == group)
