"""
Splits the keys of a hotfix: those that every hotfix has, and the options of its kind.

Imports nothing of the kind unless asked to, as with checks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.metadata import entry_points
from typing import Any

from domain.errors import ConfigurationError
from domain.recommender.hotfix import COMMON_TO_HOTFIXES, HOTFIX_GROUP
from domain.recommender.keys.nearest import nearest
from domain.recommender.recommender import Recommender
from workers.declaration.problem import Problem
from workers.declaration.typed_options import Key, apart, read_typed, strange_key
from workers.environment.installed import points_of_this_house


def hotfix_kinds() -> tuple[str, ...]:
    """The installed kinds of hotfixes, ours first; none of them is imported."""
    ours = (one.name for one in points_of_this_house(HOTFIX_GROUP))
    return tuple(dict.fromkeys((*ours, *sorted(entry_points(group=HOTFIX_GROUP).names))))


def hotfixes_apart(declared: Mapping[str, Any], own: bool) -> tuple[dict[str, Any], list[Problem]]:
    """
    The declaration with each hotfix's own keys moved under its `options`, and what is wrong with them.

    Args:
        own: whether the kinds are imported, to read their options; if not, these stay as they are written.
    """
    known = hotfix_kinds()

    def unknown(kind: str) -> str | None:
        return None if kind in known else f"{kind!r} is no kind of hotfix here; {nearest(kind, known)}"

    return apart(declared, "hotfixes", COMMON_TO_HOTFIXES, unknown, _read if own else None)


def _read(
    key: Key, name: str, kept: Mapping[str, Any], own_keys: dict[str, Any]
) -> tuple[dict[str, Any], list[Problem]]:
    """A hotfix's own keys as its kind reads them, or what is wrong with them or with its replay."""
    from workers.declaration.hotfix_kinds import find, ours  # noqa: PLC0415 - imports science

    try:
        options = find(name).options
    except ConfigurationError as error:
        return own_keys, [Problem((*key, "kind"), str(error))]

    def strange(one: str, right: list[str]) -> Problem:
        others = [kind.name for kind in ours() if one in kind.options.model_fields]
        return strange_key(key, one, name, right, others)

    read, wrong = read_typed(key, options, own_keys, COMMON_TO_HOTFIXES - {"name", "options"}, strange)
    return read, [*wrong, *_replayed(key, kept.get("replay"))]


def not_held_out(recommender: Recommender, own: bool) -> Iterator[Problem]:
    """
    Problems with hotfixes that hold members out although their deployer serves everybody.

    Args:
        own: whether teams' own deployers are imported, to find out.
    """
    from workers.deployers.kind import DEPLOYERS  # noqa: PLC0415 - most declarations hold nobody out

    able = " or ".join(one.name for one in DEPLOYERS.ours().values() if one.in_stages)
    for hotfix in recommender.hotfixes.values():
        to = recommender.deployers.get(hotfix.deployer)
        if not hotfix.hold_out or to is None or not (own or DEPLOYERS.is_ours(to.kind)):
            continue
        if DEPLOYERS.find(to.kind).in_stages:
            continue
        says = f'deployer "{to.name}", a {to.kind}, serves everybody; take it out, or name a {able} deployer'
        yield Problem(("hotfixes", hotfix.name, "hold_out"), says)


def _replayed(key: Key, replay: object) -> list[Problem]:
    """A problem for a way of pricing that does not exist."""
    from domain.resolution.replays.registry import REPLAYS  # noqa: PLC0415 - imports science

    way = replay.get("kind") if isinstance(replay, dict) else None
    if not isinstance(way, str) or way in REPLAYS:
        return []
    return [Problem((*key, "replay", "kind"), f"{way!r} is no way of pricing; {nearest(way, REPLAYS)}")]
