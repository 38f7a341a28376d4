"""
What every version of every event looks like, and whether the code still keeps to it.

One file each under `wire/`, `<wire name>.v<version>.json`: its fields (a `?` where one may be left out), and
examples as they were written. A file is never changed and never taken away.
"""

from __future__ import annotations

import json
import types
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import AwareDatetime

from domain.incident.events import Event
from domain.values import Value

KEPT = Path(__file__).parent / "wire"


def fields(cls: type[Value]) -> dict[str, Any]:
    """Name of each field (with `?` where it may be left out) → its type, all the way down."""
    return {
        name + ("" if field.is_required() else "?"): spell(field.annotation)
        for name, field in sorted(cls.model_fields.items())
    }


def spell(kind: Any) -> Any:
    """A type in words, or as fields where it has some."""
    origin, inside = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return spell(inside[0])
    if origin is Literal:
        return "one of " + ", ".join(sorted(map(str, inside)))
    if origin in (Union, types.UnionType):
        return {"any of": sorted((spell(one) for one in inside), key=str)}
    if origin is not None:
        return {origin.__name__: [spell(one) for one in inside]}
    if isinstance(kind, type) and issubclass(kind, Enum):
        return "one of " + ", ".join(sorted(str(member.value) for member in kind))
    if isinstance(kind, type) and issubclass(kind, Value):
        return fields(kind)
    return {type(None): "null", Ellipsis: "…", AwareDatetime: "datetime"}.get(kind) or kind.__name__


def file_name(wire_name: str, version: int) -> str:
    """Where a version is kept."""
    return f"{wire_name}.v{version}.json"


def kept(folder: Path) -> dict[tuple[str, int], dict[str, Any]]:
    """(Wire name, version) → what its file says."""
    read = (json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.json")))
    return {(one["wire_name"], one["schema_version"]): one for one in read}


def broken_promises(events: Mapping[str, type[Event]], folder: Path) -> list[str]:
    """What the code no longer keeps of what was ever written; each says what to do."""
    files = kept(folder)
    problems = [
        f"{name} version {version} was written once, and no event has this wire name any more: put it back"
        for name, version in files
        if name not in events
    ]
    for name, cls in events.items():
        problems += _broken(name, cls, files)
    return problems


def _broken(name: str, cls: type[Event], files: Mapping[tuple[str, int], dict[str, Any]]) -> Iterator[str]:
    if cls.wire_name != name:
        yield f"{name} is spelled {cls.wire_name} now: a wire name is for ever"
    now, spelled = cls.schema_version, fields(cls)
    if (name, now) not in files:
        yield (
            f"write {file_name(name, now)} with an example, and these fields: "
            + json.dumps(spelled, ensure_ascii=False)
        )
    elif files[name, now]["fields"] != spelled and _readable(files[name, now]["fields"], spelled):
        yield (
            f"the fields of {name} are not those of version {now}: give {cls.__name__} "
            f"schema_version {now + 1}, and keep {file_name(name, now + 1)} next to the old file"
        )
    for version in range(1, now + 1):
        if (name, version) in files and not _readable(files[name, version]["fields"], spelled):
            yield f"{name} version {version} can no longer be read: give the new fact another wire name"
        elif (name, version) not in files and version < now:
            yield f"{file_name(name, version)} is gone: what was written is kept for ever"


def _readable(before: Any, now: Any) -> bool:
    """Whether whatever was written as `before` is still read: fields were at most added, or made optional."""
    if isinstance(before, dict) and isinstance(now, dict):
        gained = {name for name in now if name not in before and name.removesuffix("?") not in before}
        kept = ((kind, now.get(name, now.get(f"{name}?"))) for name, kind in before.items())
        return all(name.endswith("?") for name in gained) and all(_readable(*pair) for pair in kept)
    if isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        return all(map(_readable, before, now))
    return bool(before == now or (isinstance(now, dict) and before in now.get("any of", [])))
