"""
Single values of a frame as JSON, each with its type: for columns that mix types, or hold a type that Arrow
lacks. No pickles: a value of any other type is reported, and the bundle is not kept.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np
import pandas as pd

from domain.errors import BundleError

Spelled = Any
MISSING: dict[str, Any] = {"None": None, "nan": float("nan"), "NaT": pd.NaT, "NA": pd.NA}


def missing_as(value: object) -> str | None:
    """Which of the four kinds of missing value this is; None for an actual value."""
    if value is None:
        return "None"
    if value is pd.NA:
        return "NA"
    if value is pd.NaT:
        return "NaT"
    return "nan" if isinstance(value, float) and value != value else None  # noqa: PLR0124 (only NaN is)


def spell_cell(value: object) -> Spelled:
    """
    The value as JSON: plain ones unchanged, others as `{type: spelling}`.

    Raises:
        BundleError: the value has any other type.
    """
    if (how := missing_as(value)) is not None:
        return {"missing": how}
    if type(value) in (bool, int, str):
        return value
    if type(value) is float:
        return {"float": value.hex()}
    for name, (kind, spell, _) in TYPES.items():
        if type(value) is kind:
            return {name: spell(value)}
    raise BundleError(f"a value is a {type(value).__name__}, which no bundle can keep")


def read_cell(spelled: Spelled) -> Any:
    """The value that `spell_cell` wrote."""
    if not isinstance(spelled, dict):
        return spelled
    ((name, inside),) = spelled.items()
    if name == "missing":
        return MISSING[inside]
    if name == "float":
        return float.fromhex(inside)
    return TYPES[name][2](inside)


def _list(values: Any) -> list[Spelled]:
    return [spell_cell(one) for one in values]


def _read_list(spelled: list[Spelled]) -> list[Any]:
    return [read_cell(one) for one in spelled]


def _array(value: np.ndarray[Any, Any]) -> Spelled:
    return {"dtype": value.dtype.str, "shape": list(value.shape), "of": _list(value.ravel().tolist())}


def _read_array(spelled: Any) -> np.ndarray[Any, Any]:
    flat = np.empty(len(spelled["of"]), dtype=np.dtype(spelled["dtype"]))
    flat[:] = _read_list(spelled["of"])
    return flat.reshape(spelled["shape"])


def _timestamp(value: pd.Timestamp) -> Spelled:
    zone = None if value.tz is None else str(value.tz)
    return {"value": int(value.asm8.astype(np.int64)), "unit": value.unit, "zone": zone}


def _read_timestamp(spelled: Any) -> pd.Timestamp:
    moment = pd.Timestamp(np.datetime64(spelled["value"], spelled["unit"]))
    return moment if spelled["zone"] is None else moment.tz_localize("UTC").tz_convert(spelled["zone"])


def _span(value: pd.Timedelta) -> Spelled:
    return {"value": int(value.asm8.astype(np.int64)), "unit": value.unit}


def _read_span(spelled: Any) -> pd.Timedelta:
    return pd.Timedelta(np.timedelta64(spelled["value"], spelled["unit"]))


def _number(kind: type[np.generic]) -> tuple[type, Callable[[Any], Spelled], Callable[[Any], Any]]:
    return kind, lambda value: spell_cell(value.item()), lambda spelled: kind(read_cell(spelled))


TYPES: dict[str, tuple[type, Callable[[Any], Spelled], Callable[[Any], Any]]] = {
    "bytes": (bytes, lambda value: base64.b64encode(value).decode(), base64.b64decode),
    "timestamp": (pd.Timestamp, _timestamp, _read_timestamp),
    "timedelta": (pd.Timedelta, _span, _read_span),
    "datetime": (datetime, datetime.isoformat, datetime.fromisoformat),
    "date": (date, date.isoformat, date.fromisoformat),
    "time": (time, time.isoformat, time.fromisoformat),
    "span": (
        timedelta,
        lambda value: [value.days, value.seconds, value.microseconds],
        lambda spelled: timedelta(*spelled),
    ),
    "decimal": (Decimal, str, Decimal),
    "uuid": (UUID, str, UUID),
    "list": (list, _list, _read_list),
    "tuple": (tuple, _list, lambda spelled: tuple(_read_list(spelled))),
    "dict": (
        dict,
        lambda value: [_list(pair) for pair in value.items()],
        lambda spelled: {read_cell(key): read_cell(one) for key, one in spelled},
    ),
    "array": (np.ndarray, _array, _read_array),
    **{
        f"numpy.{kind.__name__}": _number(kind)
        for kind in (
            np.bool_,
            np.int8,
            np.int16,
            np.int32,
            np.int64,
            np.uint8,
            np.uint16,
            np.uint32,
            np.uint64,
            np.float32,
            np.float64,
        )
    },
}
"""Name → the type, how it is spelled, and how it is read back."""
