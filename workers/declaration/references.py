"""Every place where a declaration names another part of itself, and names there that are wrong."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

Key = tuple[str, ...]
Reference = tuple[Key, str, Collection[str]]
Declared = Mapping[str, Any]


NAMED: Mapping[str, str] = {
    "items.table": "tables",
    "members.table": "tables",
    "launches.table": "tables",
    "exposure.shown": "tables",
    "exposure.chosen": "tables",
    "checks.*.table": "tables",
    "checks.*.options.learned_from": "tables",
    "checks.*.options.beside": "tables",
    "models.*.candidates": "tables",
    "models.*.logging.requests": "tables",
    "models.*.learned_from": "tables",
    "hotfixes.*.deployer": "deployers",
    "hotfixes.*.replay.table": "tables",
    "hotfixes.*.guards": "checks",
    "follow_ups.deployer": "deployers",
    "follow_ups.owner": "people",
    "planned.*.tables": "tables",
    "planned.*.checks": "checks",
    "silences.*.tables": "tables",
    "silences.*.checks": "checks",
    "stakeholders.*.tables": "tables",
}
"""Where a name, or a list of them, is written (`*`: in every entry) → the section that has to declare it."""


def references(declared: Declared, of_items: Callable[[str], bool | None]) -> Iterator[Reference]:
    """
    Yields (key, the name written there, the names that would be right) from a declaration as it is written:
    whatever else is wrong with it, its names can be compared.

    Args:
        of_items: whether a kind of check is sliced by attributes of items; None if unknown.
    """
    for path, section in NAMED.items():
        right = names(declared, section)
        for key, name in _written(declared, path):
            yield key, name, right
    tables = names(declared, "tables")
    for key, name in _written(declared, "tables.*.upstream"):
        yield key, name, [one for one in tables if not _made_from(declared, one, key[1])]
    kinds = sorted({kind for _key, kind in _written(declared, "hotfixes.*.kind")})
    for key, name in _written(declared, "permissions.alone.kinds"):
        yield key, name, kinds
    for key, check in _values(declared, ("checks", "*")):
        yield from _dimensions(declared, key, _table(check), of_items)
    for section in ("planned", "silences"):
        for key, one in _values(declared, (section, "*")):
            yield from _slices(declared, key, _table(one))


def _written(declared: Declared, path: str) -> Iterator[tuple[Key, str]]:
    """The texts at a path, each with its key; what a kind asks stands beside its entry's other keys."""
    for key, value in _values(declared, tuple(path.split("."))):
        for text in _texts(value if isinstance(value, list) else [value]):
            yield tuple(part for part in key if part != "options"), text


def _values(value: object, path: Key, key: Key = ()) -> Iterator[tuple[Key, object]]:
    if not path:
        yield key, value
        return
    entries = dict(enumerate(value)) if isinstance(value, list) else _table(value)
    for name, held in entries.items():
        if path[0] in ("*", name):
            yield from _values(held, path[1:], (*key, str(name)))


def _slices(declared: Declared, key: Key, planned: Declared) -> Iterator[Reference]:
    """The dimensions of a planned change's slices, which have to be those of a table that it is about."""
    meant = tuple(_texts(planned.get("tables"))) or ("*",)
    right = {name for one in meant for _key, name in _written(declared, f"tables.{one}.dimensions")}
    for _key, where in _values(planned, ("slices", "*")):
        for dimension in _table(where):
            yield (*key, "slices"), dimension, right


def _made_from(declared: Declared, one: str, name: str) -> bool:
    """Whether table `one` is `name`, or made from it, so that `name` cannot be made from `one`."""
    tables, seen, waiting = _table(declared.get("tables")), set[str](), [one]
    while waiting:
        seen.add(here := waiting.pop())
        waiting += [up for up in _texts(_table(tables.get(here)).get("upstream")) if up not in seen]
    return name in seen


def names(declared: Declared, section: str) -> Collection[str]:
    """The names declared under `section`, even if its title is misspelt: that is a problem of its own."""
    alike = {one for one in declared if get_close_matches(one, [section], cutoff=0.6)}
    return {name for one in (section, *alike) for name in _table(declared.get(one))}


def _dimensions(
    declared: Declared, key: Key, check: Declared, of_items: Callable[[str], bool | None]
) -> Iterator[Reference]:
    table = _table(_table(declared.get("tables")).get(str(check.get("table"))))
    if not table:
        return  # already reported that it names no table
    right, item = tuple(_texts(table.get("dimensions"))), tuple(_texts([table.get("item")]))
    by_item = of_items(str(check.get("kind")))
    if by_item is not False:  # expected exposure is known per item: by its attributes, or one by one
        features = tuple(_texts(_table(declared.get("items")).get("features")))
        right = features if by_item else (*right, *features)
    right = tuple(dict.fromkeys((*right, *item)))
    for dimension in _texts(check.get("dimensions")):
        yield (*key, "dimensions"), dimension, right


def _table(value: object) -> Declared:
    return value if isinstance(value, dict) else {}


def _texts(value: object) -> Iterator[str]:
    yield from (text for text in value if isinstance(text, str)) if isinstance(value, list) else ()
