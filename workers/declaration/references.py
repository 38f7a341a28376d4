"""Every place where a declaration names another part of itself, and names there that are wrong."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

Key = tuple[str, ...]
Reference = tuple[Key, str, Collection[str]]
Declared = Mapping[str, Any]


def references(declared: Declared, of_items: Callable[[str], bool | None]) -> Iterator[Reference]:
    """
    Yields (key, the name written there, the names that would be right) from a declaration as it is written:
    whatever else is wrong with it, its names can be compared.

    Args:
        of_items: whether a kind of check is sliced by attributes of items; None if unknown.
    """
    tables = names(declared, "tables")
    for single in ("items", "members", "launches"):
        yield from _named((single,), _table(declared.get(single)), "table", tables)
    exposure = _table(declared.get("exposure"))
    yield from _named(("exposure",), exposure, "shown", tables)
    yield from _named(("exposure",), exposure, "chosen", tables)
    for key, made in _entries(declared, "tables"):
        for name in _texts(made.get("upstream")):
            yield (*key, "upstream"), name, [one for one in tables if not _made_from(declared, one, key[1])]
    for key, entry in _entries(declared, "checks"):
        check = {**entry, **_table(entry.get("options"))}
        yield from _named(key, check, "table", tables)
        yield from _named(key, check, "learned_from", tables)
        yield from _named(key, check, "beside", tables)
        yield from _dimensions(declared, key, check, of_items(str(check.get("kind"))))
    for key, model in _entries(declared, "models"):
        yield from _named(key, model, "candidates", tables)
        yield from _named((*key, "logging"), _table(model.get("logging")), "requests", tables)
        for name in _texts(model.get("learned_from")):
            yield (*key, "learned_from"), name, tables
    for key, hotfix in _entries(declared, "hotfixes"):
        yield from _named(key, hotfix, "deployer", names(declared, "deployers"))
        yield from _named((*key, "replay"), _table(hotfix.get("replay")), "table", tables)
        for name in _texts(hotfix.get("guards")):
            yield (*key, "guards"), name, names(declared, "checks")
    follow_ups = _table(declared.get("follow_ups"))
    yield from _named(("follow_ups",), follow_ups, "deployer", names(declared, "deployers"))
    yield from _named(("follow_ups",), follow_ups, "owner", names(declared, "people"))
    alone = _table(_table(declared.get("permissions")).get("alone"))
    for name in _texts(alone.get("kinds")):
        kinds = sorted({str(one.get("kind")) for _, one in _entries(declared, "hotfixes")})
        yield ("permissions", "alone", "kinds"), name, kinds
    yield from _planned(declared)
    for key, stakeholder in _entries(declared, "stakeholders"):
        for table in _texts(stakeholder.get("tables")):
            yield (*key, "tables"), table, tables


def _planned(declared: Declared) -> Iterator[Reference]:
    tables, checks = names(declared, "tables"), names(declared, "checks")
    for section in ("planned", "silences"):
        written = declared.get(section)
        for place, entry in enumerate(written if isinstance(written, list) else ()):
            key, one = (section, str(place)), _table(entry)
            for name in _texts(one.get("tables")):
                yield (*key, "tables"), name, tables
            for name in _texts(one.get("checks")):
                yield (*key, "checks"), name, checks
            meant = tuple(_texts(one.get("tables"))) or tables
            right = {
                d
                for t in meant
                for d in _texts(_table(_table(declared.get("tables")).get(t)).get("dimensions"))
            }
            slices = one.get("slices")
            for where in slices if isinstance(slices, list) else ():
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


def _dimensions(declared: Declared, key: Key, check: Declared, of_items: bool | None) -> Iterator[Reference]:
    table = _table(_table(declared.get("tables")).get(str(check.get("table"))))
    if not table:
        return  # already reported that it names no table
    right, item = tuple(_texts(table.get("dimensions"))), tuple(_texts([table.get("item")]))
    if of_items is not False:  # expected exposure is known per item: by its attributes, or one by one
        features = tuple(_texts(_table(declared.get("items")).get("features")))
        right = features if of_items else (*right, *features)
    right = tuple(dict.fromkeys((*right, *item)))
    for dimension in _texts(check.get("dimensions")):
        yield (*key, "dimensions"), dimension, right


def _named(key: Key, entry: Declared, field: str, right: Collection[str]) -> Iterator[Reference]:
    for name in _texts([entry.get(field)]):
        yield (*key, field), name, right


def _entries(declared: Declared, section: str) -> Iterator[tuple[Key, Declared]]:
    for name, entry in _table(declared.get(section)).items():
        yield (section, name), _table(entry)


def _table(value: object) -> Declared:
    return value if isinstance(value, dict) else {}


def _texts(value: object) -> Iterator[str]:
    yield from (text for text in value if isinstance(text, str)) if isinstance(value, list) else ()
