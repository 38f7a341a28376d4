"""
Reads the keys that the kind of a check or hotfix has of its own, declared beside those that every entry has.

Imports nothing of a kind unless asked to: a click also reads the declaration, and must be answered fast.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import entry_points
from typing import Any

from pydantic import BaseModel, ValidationError

from domain.errors import ConfigurationError
from domain.prediction.kind import LAUNCH_FORECAST
from domain.recommender.check import COMMON, OWN_GROUP
from domain.recommender.hotfix import COMMON_TO_HOTFIXES, HOTFIX_GROUP
from domain.recommender.keys.nearest import nearest
from domain.recommender.options import Options
from domain.recommender.recommender import Recommender
from workers.declaration.problem import Problem, problem_of
from workers.environment.installed import Declared, points_of_this_house

Key = tuple[str, ...]
Read = tuple[dict[str, Any], list[Problem]]
"""An entry or its own keys, as read, and what is wrong with them."""

COMMON_KEYS = {"checks": COMMON, "hotfixes": COMMON_TO_HOTFIXES}


def kinds() -> tuple[str, ...]:
    """The installed kinds of checks, ours first; none of them is imported."""
    return (*dict.fromkeys((*of_this_house(), LAUNCH_FORECAST.name, *_installed(OWN_GROUP))),)


def of_this_house(group: str = OWN_GROUP) -> tuple[str, ...]:
    """The kinds that ship with this program, in the order of the reference."""
    return tuple(one.name for one in points_of_this_house(group))


def _installed(group: str) -> list[str]:
    return sorted(entry_points(group=group).names)


def own_keys_apart(declared: Mapping[str, Any], own: bool) -> Read:
    """
    The declaration with each check's and hotfix's own keys moved under its `options`, and what is wrong.

    Args:
        own: whether the kinds are imported, to read their keys; if not, these stay as they are written.
    """
    found, wrong = dict(declared), list[Problem]()
    for section in COMMON_KEYS:
        entries = declared.get(section)
        for name, fields in entries.items() if isinstance(entries, dict) else ():
            if isinstance(fields, dict):
                read, said = _apart((section, name), fields, own)
                found[section] = {**found[section], name: read}
                wrong += said
    return found, wrong


def _apart(key: Key, fields: Mapping[str, Any], own: bool) -> Read:
    common, kind, wrong = COMMON_KEYS[key[0]], fields.get("kind"), list[Problem]()
    if "options" in fields:
        wrong.append(Problem((*key, "options"), "unknown key; write what a kind asks beside its other keys"))
    kept = {one: value for one, value in fields.items() if one in common - {"options"}}
    options = {one: value for one, value in fields.items() if one not in common}
    if isinstance(kind, str):
        if (says := _unknown(key[0], kind)) is not None:
            wrong.append(Problem((*key, "kind"), says))
        elif own:
            options, said = _read(key, kind, kept, options)
            wrong += said
    return {**kept, "options": options}, wrong


def _unknown(section: str, kind: str) -> str | None:
    """What to say of a kind that is not installed; None if it is."""
    if section == "hotfixes":
        known = (*of_this_house(HOTFIX_GROUP), *_installed(HOTFIX_GROUP))
        return None if kind in known else f"{kind!r} is no kind of hotfix here; {nearest(kind, known)}"
    if kind in kinds():
        return None
    return (
        f"{kind!r} is no kind of check here; {nearest(kind, kinds())} – or, of your own: "
        f"`pip install -e FOLDER` installs one, `recsysops check new {kind}` writes one"
    )


def _read(key: Key, name: str, kept: Mapping[str, Any], own_keys: dict[str, Any]) -> Read:
    """The own keys as their kind reads them, or what is wrong with them."""
    from workers.declaration import check_kinds, hotfix_kinds  # noqa: PLC0415 - import science

    if key[0] == "hotfixes":
        try:
            hotfix = hotfix_kinds.find(name)
        except ConfigurationError as error:
            return own_keys, [Problem((*key, "kind"), str(error))]
        read, wrong = _typed(key, name, hotfix.options, own_keys, hotfix_kinds.ours)
        return read, [*wrong, *_replayed(key, kept.get("replay"))]
    if name == LAUNCH_FORECAST.name:
        return _typed(key, name, Options, own_keys, check_kinds.ours)
    if (kind := check_kinds.found(name)) is None:
        return own_keys, []  # it cannot be imported, which its first look reports
    read, wrong = _typed(key, name, kind.options, own_keys, check_kinds.ours)
    try:
        if not wrong:
            kind.fits(kept, kind.options.model_validate(read))
    except ValueError as error:
        wrong.append(Problem(key, str(error)))
    return read, wrong


def _typed(
    key: Key,
    kind: str,
    options: type[BaseModel],
    own_keys: Mapping[str, Any],
    ours: Callable[[], Mapping[str, Declared]],
) -> Read:
    """
    The own keys as its kind's `options`.

    Args:
        ours: imports our kinds: a key of theirs is not misspelt, but belongs to another kind.
    """
    right = sorted(COMMON_KEYS[key[0]] - {"name", "options"} | set(options.model_fields))
    wrong, known = list[Problem](), dict[str, Any]()
    for name, value in own_keys.items():
        if name in options.model_fields:
            known[name] = value
        elif theirs := [one for one, its in ours().items() if name in its.options.model_fields]:
            says = f"{name} is for kind {' or '.join(theirs)}; remove it from this {kind}"
            wrong.append(Problem(key, says))
        else:
            wrong.append(Problem((*key, name), f"unknown key; {nearest(name, right)}"))
    try:
        return options.model_validate(known).model_dump(mode="json"), wrong
    except ValidationError as error:
        return {}, [*wrong, *(problem_of(key, right, found) for found in error.errors())]


def _replayed(key: Key, replay: object) -> list[Problem]:
    """A problem for a way of pricing that does not exist."""
    from domain.resolution.replays.registry import REPLAYS  # noqa: PLC0415 - imports science

    way = replay.get("kind") if isinstance(replay, dict) else None
    if not isinstance(way, str) or way in REPLAYS:
        return []
    return [Problem((*key, "replay", "kind"), f"{way!r} is no way of pricing; {nearest(way, REPLAYS)}")]


def of_items(kind: str, own: bool) -> bool | None:
    """
    Whether a kind is sliced by attributes of items instead of its table's dimensions; None if unknown.

    Args:
        own: whether kinds are imported, to find out.
    """
    if not own:
        return None
    from workers.declaration.check_kinds import found  # noqa: PLC0415 - imports science

    it = found(kind)
    return it.of_items if it else None


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
