"""
Material as JSON values and named frames, and back.

The types of a value's dataclass decide what it is read back as, never the document: nothing in a file decides
what code runs. A field that a later release adds keeps its default; one that it dropped is not read.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from enum import Enum
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from pydantic import BaseModel

from domain.errors import BundleError, sanitized

Frames = dict[str, pd.DataFrame]
FRAME = "frame"
ARRAY, SHAPE, COLUMN = "array", "shape", "value"
NO_ZONE = "utc"
"""Stands for an undeclared time zone: `datetime.UTC`, which is not a `ZoneInfo`."""
PLAIN = (bool, int, str, type(None))
T = TypeVar("T")


def spell(value: Any, frames: Frames, path: str = "") -> Any:
    """
    JSON values; frames go into `frames` under their path (`snapshots.before`, `pairs.0.mine`), and so do
    arrays, one value per row. Fields that take no part in comparison are only caches, and are left out.

    Raises:
        BundleError: the value holds something that no document can; the error says where.
    """
    if isinstance(value, pd.DataFrame):
        frames[path] = value
        return {FRAME: path}
    if isinstance(value, np.ndarray):
        frames[path] = pd.DataFrame({COLUMN: value.ravel()})
        return {ARRAY: path, SHAPE: list(value.shape)}
    if isinstance(value, BaseModel):
        return _finite(value.model_dump(mode="json", by_alias=True))
    if is_dataclass(value) and not isinstance(value, type):
        kept = [one.name for one in fields(value) if one.compare]
        return {name: spell(getattr(value, name), frames, _under(path, name)) for name in kept}
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            pairs = enumerate(value.items())
            return [[spell(key, frames), spell(one, frames, _under(path, str(n)))] for n, (key, one) in pairs]
        return {_key(key, path): spell(one, frames, _under(path, str(key))) for key, one in value.items()}
    if isinstance(value, (tuple, list)):
        return [spell(one, frames, _under(path, str(place))) for place, one in enumerate(value)]
    if isinstance(value, frozenset):
        return sorted(spell(one, frames, path) for one in value)
    return _atom(value, path)


def _atom(value: Any, path: str) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, PLAIN):
        return value
    if isinstance(value, float):
        return _finite(value)
    if isinstance(value, datetime) and value is not pd.NaT:
        return value.isoformat()
    if isinstance(value, timedelta):
        return [value.days, value.seconds, value.microseconds]
    if value is UTC:
        return NO_ZONE
    if isinstance(value, ZoneInfo) and value.key is not None:
        return value.key
    raise BundleError(f"{path or 'the material'} holds a {type(value).__name__}, which no bundle can keep")


def _finite(value: Any) -> Any:
    """JSON has no non-finite numbers, so they are written as texts."""
    if isinstance(value, float) and not np.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    return [_finite(one) for one in value] if isinstance(value, list) else value


def _under(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _key(key: Any, path: str) -> str:
    if not isinstance(key, str):
        raise BundleError(f"{path} has a key that is no text: {key!r}")
    return key


def read(kind: type[T], spelled: Mapping[str, Any], frames: Mapping[str, pd.DataFrame]) -> T:
    """
    The dataclass value that `spell` wrote.

    Raises:
        BundleError: the input is not what `spell` writes for that dataclass.
    """
    try:
        made: T = _read(kind, spelled, frames)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BundleError(f"the document is none of this release: {sanitized(error)}") from error
    return made


def _read(kind: Any, spelled: Any, frames: Mapping[str, pd.DataFrame]) -> Any:
    origin, inside = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _read(inside[0], spelled, frames)
    if origin in (Union, types.UnionType):
        return _one_of(inside, spelled, frames)
    if origin is Literal:
        return spelled
    if origin is tuple:
        return _tuple(inside, spelled, frames)
    if origin is frozenset:
        return frozenset(_read(inside[0], one, frames) for one in spelled)
    if origin is np.ndarray:
        return frames[spelled[ARRAY]][COLUMN].to_numpy().reshape(spelled[SHAPE])
    if origin is not None and issubclass(origin, Mapping):
        if isinstance(spelled, list):
            return {_read(inside[0], key, frames): _read(inside[1], one, frames) for key, one in spelled}
        return {key: _read(inside[1], one, frames) for key, one in spelled.items()}
    return _single(kind, spelled, frames)


def _single(kind: Any, spelled: Any, frames: Mapping[str, pd.DataFrame]) -> Any:
    if kind is pd.DataFrame:
        return frames[spelled[FRAME]]
    if kind is float:
        return float(spelled)
    if kind is datetime:
        return datetime.fromisoformat(spelled)
    if kind is timedelta:
        return timedelta(*spelled)
    if kind is tzinfo or kind is ZoneInfo:
        return UTC if spelled == NO_ZONE else ZoneInfo(spelled)
    if isinstance(kind, type) and is_dataclass(kind):
        hints = get_type_hints(kind, include_extras=True)
        known = {name: spelled[name] for name in hints if name in spelled}
        return kind(**{name: _read(hints[name], one, frames) for name, one in known.items()})
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return kind.model_validate(spelled)
    return spelled


def _one_of(kinds: tuple[Any, ...], spelled: Any, frames: Mapping[str, pd.DataFrame]) -> Any:
    if spelled is None:
        return None
    others = [one for one in kinds if one is not type(None)]
    return _read(others[0], spelled, frames)


def _tuple(kinds: tuple[Any, ...], spelled: Any, frames: Mapping[str, pd.DataFrame]) -> Any:
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        return tuple(_read(kinds[0], one, frames) for one in spelled)
    return tuple(_read(kind, one, frames) for kind, one in zip(kinds, spelled, strict=True))
