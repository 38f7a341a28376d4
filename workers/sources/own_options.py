"""
The keys of a check of a team's own, taken apart: what every check has, and the options of its kind.

Imports nothing of the kind unless it is asked to: a click reads the declaration too, and has to be answered.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.metadata import entry_points
from typing import Any

from pydantic import ValidationError

from domain.errors import OwnCheckError
from domain.recommender.check import COMMON, OURS, OWN_GROUP, Check
from workers.sources.lines import nearest

Wrong = tuple[tuple[str, ...], str]
"""A key below `checks`, and what would be right."""


def kinds() -> tuple[str, ...]:
    """The kinds of teams' own that are installed here; none of them is imported."""
    return tuple(sorted(entry_points(group=OWN_GROUP).names))


def options_apart(declared: Mapping[str, Any], own: bool) -> tuple[dict[str, Any], list[Wrong]]:
    """
    The declaration with the own keys of each check under its `options`, and what is wrong with them.

    Args:
        own: whether the kinds are imported, to read their options; without, they stay as they are written.
    """
    checks, wrong, apart = declared.get("checks"), list[Wrong](), dict[str, Any]()
    if not isinstance(checks, dict):
        return dict(declared), wrong
    for name, fields in checks.items():
        apart[name] = fields
        if not isinstance(fields, dict):
            continue
        if "options" in fields:
            wrong.append(((name, "options"), "unknown key; write what a kind asks beside its other keys"))
            apart[name] = {key: value for key, value in fields.items() if key != "options"}
        kind = fields.get("kind")
        if isinstance(kind, str) and kind not in OURS:
            told = [((name, *key), says) for key, says in _wrong(kind, fields, own)]
            wrong += told
            apart[name] = {**_apart(kind, apart[name], own and not told)}
    return {**declared, "checks": apart}, wrong


def _wrong(kind: str, fields: Mapping[str, Any], own: bool) -> Iterator[Wrong]:
    if kind not in kinds():
        yield (
            ("kind",),
            f"{kind!r} is no kind of check here; {nearest(kind, (*OURS, *kinds()))} – or, of your own: "
            f"`pip install -e FOLDER` installs one, `recsysops check new {kind}` writes one",
        )
        return
    options = _options(kind) if own else None
    if options is None:
        return
    right = (COMMON - {"name", "options"}) | set(options.model_fields)
    for key in fields:
        if key not in Check.model_fields and key not in options.model_fields:
            yield (key,), f"unknown key; {nearest(key, right)}"
    try:
        options.model_validate(_own_keys(fields, options))
    except ValidationError as error:
        for found in error.errors():
            says = found["msg"].removeprefix("Value error, ")
            told = "missing; it has to be given" if found["type"] == "missing" else says
            shown = "" if found["type"] == "missing" else f" (it says {found['input']!r})"
            yield tuple(map(str, found["loc"])), told + shown


def _apart(kind: str, fields: Mapping[str, Any], own: bool) -> dict[str, Any]:
    options = _options(kind) if own else None
    if options is None:
        kept = {key: value for key, value in fields.items() if key in COMMON}
        return {**kept, "options": {key: value for key, value in fields.items() if key not in COMMON}}
    read = options.model_validate(_own_keys(fields, options))
    kept = {key: value for key, value in fields.items() if key not in options.model_fields}
    return {**kept, "options": read.model_dump(mode="json")}


def _own_keys(fields: Mapping[str, Any], options: Any) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if key in options.model_fields}


def _options(kind: str) -> Any:
    """The options of a kind; None where it cannot be imported, which its first look says."""
    from workers.own import find  # noqa: PLC0415 - imports a stranger's science, and ours

    try:
        return find(kind).options
    except OwnCheckError:
        return None
