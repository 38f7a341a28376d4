"""
Splits the keys of a check: those that every check has, and the options of its kind.

Imports nothing of the kind unless asked to: a click also reads the declaration, and must be answered fast.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from typing import Any

from pydantic import BaseModel

from domain.prediction.kind import LAUNCH_FORECAST
from domain.recommender.check import COMMON, OWN_GROUP
from domain.recommender.keys.nearest import nearest
from domain.recommender.options import Options
from workers.declaration.problem import Problem
from workers.declaration.typed_options import Key, apart, read_typed, strange_key
from workers.environment.installed import points_of_this_house


def kinds() -> tuple[str, ...]:
    """The installed kinds, ours first; none of them is imported."""
    installed = entry_points(group=OWN_GROUP).names
    return tuple(dict.fromkeys((*of_this_house(), LAUNCH_FORECAST.name, *sorted(installed))))


def of_this_house() -> tuple[str, ...]:
    """The kinds that ship with this program, in the order of the reference."""
    return tuple(one.name for one in points_of_this_house(OWN_GROUP))


def options_apart(declared: Mapping[str, Any], own: bool) -> tuple[dict[str, Any], list[Problem]]:
    """
    The declaration with each check's own keys moved under its `options`, and what is wrong with them.

    Args:
        own: whether the kinds are imported, to read their options; if not, these stay as they are written.
    """
    known = kinds()

    def unknown(kind: str) -> str | None:
        if kind in known:
            return None
        return (
            f"{kind!r} is no kind of check here; {nearest(kind, known)} – or, of your own: "
            f"`pip install -e FOLDER` installs one, `recsysops check new {kind}` writes one"
        )

    return apart(declared, "checks", COMMON, unknown, _read if own else None)


def _read(
    key: Key, name: str, kept: Mapping[str, Any], own_keys: dict[str, Any]
) -> tuple[dict[str, Any], list[Problem]]:
    """A check's own keys as its kind reads them, or what is wrong with them."""
    options, fits = _options(name)
    if options is None:
        return own_keys, []  # it cannot be imported, which its first look reports
    return read_typed(
        key,
        options,
        own_keys,
        COMMON - {"name", "options"},
        lambda strange, right: _strange(key, strange, name, right),
        lambda read: fits(kept, read),
    )


def _strange(key: tuple[str, ...], name: str, kind: str, right: list[str]) -> Problem:
    """A problem for a key that this kind does not have: it belongs to another kind, or to none."""
    from workers.declaration.check_kinds import ours  # noqa: PLC0415 - imports science

    others = [one.name for one in ours().values() if name in one.options.model_fields]
    return strange_key(key, name, kind, right, others)


def _options(kind: str) -> tuple[type[BaseModel] | None, Callable[[Mapping[str, Any], Any], None]]:
    """The options of a kind and the test that they fit the rest; None if it cannot be imported."""
    from workers.declaration.check_kinds import found  # noqa: PLC0415 - imports a stranger's science, and ours

    it = found(kind)
    if it is not None:
        return it.options, it.fits
    return (Options if kind == LAUNCH_FORECAST.name else None), lambda _declared, _options: None


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
