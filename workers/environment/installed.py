"""What is installed under this program's own name: the entry points that come with it."""

from __future__ import annotations

from importlib.metadata import EntryPoint, PackageNotFoundError, distribution

HOUSE = "recsysops"
"""The distribution that this program is."""


def points_of_this_house(group: str) -> tuple[EntryPoint, ...]:
    """The entry points of this group that come with this program, in the order of its pyproject.toml."""
    # Not each entry point asked for its distribution's name: each would read all of its metadata for it.
    try:
        points = distribution(HOUSE).entry_points
    except PackageNotFoundError:  # run from its files, without being installed
        return ()
    return tuple(one for one in points if one.group == group)
