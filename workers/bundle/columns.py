"""One column of a frame as an Arrow array, and what is needed to restore exactly that column."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from domain.errors import BundleError
from workers.bundle.cells import MISSING, missing_as, read_cell, spell_cell

NULLABLE = frozenset(
    {"boolean", "Float32", "Float64", *(f"{sign}Int{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64))}
)
How = dict[str, Any]
"""`as`: which of the ways below; the other keys are what that way needs."""


def pack(column: pd.Series) -> tuple[pa.Array, How]:
    """
    (rows,) the column as an array, and how to read it back.

    Raises:
        BundleError: it holds values of a type that no bundle can keep.
    """
    kind = column.dtype
    if isinstance(kind, pd.CategoricalDtype):
        codes = pa.array(column.cat.codes.to_numpy(np.int64))
        return codes, {
            "as": "category",
            "of": spell_labels(kind.categories),
            "ordered": bool(kind.ordered),
        }
    if isinstance(kind, np.dtype) and kind.kind in "biuf":
        return pa.array(column.to_numpy(), from_pandas=False), {"as": "numpy", "dtype": kind.str}
    if isinstance(kind, pd.DatetimeTZDtype):
        whole = column.dt.tz_convert("UTC").to_numpy(f"datetime64[{kind.unit}]").view(np.int64)
        return pa.array(whole), {"as": "zoned", "unit": kind.unit, "zone": str(kind.tz)}
    if isinstance(kind, np.dtype) and kind.kind in "mM":
        return pa.array(column.to_numpy().view(np.int64)), {"as": "whole", "dtype": kind.str}
    if kind == np.dtype(object):
        return _objects(column)
    return _extension(column)


def _objects(column: pd.Series) -> tuple[pa.Array, How]:
    """Text as text if its missing values are all of one kind; otherwise each value with its type."""
    values = column.to_list()
    ways = {missing_as(one) for one in values} - {None}
    if len(ways) <= 1 and all(type(one) is str or missing_as(one) is not None for one in values):
        texts = [one if type(one) is str else None for one in values]
        try:
            return pa.array(texts, pa.string()), {"as": "texts", "missing": next(iter(ways), "None")}
        except (UnicodeEncodeError, pa.ArrowException):
            pass  # half a surrogate pair is not valid UTF-8; JSON can spell it
    try:
        cells = [json.dumps(spell_cell(one)) for one in values]
    except BundleError as error:
        raise BundleError(f"column `{column.name}`: {error}") from error
    return pa.array(cells, pa.string()), {"as": "cells"}


def _extension(column: pd.Series) -> tuple[pa.Array, How]:
    """pandas' own nullable types: Int64, boolean, str, …"""
    kind = column.dtype
    text = isinstance(kind, pd.StringDtype)
    if not (text or isinstance(kind, pd.ArrowDtype) or str(kind) in NULLABLE):
        raise BundleError(f"column `{column.name}` is of type {kind}, which no bundle can keep")
    array = pa.array(column, from_pandas=True)
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if isinstance(kind, pd.StringDtype):
        nan = missing_as(kind.na_value) == "nan"
        return array.cast(pa.string()), {"as": "string", "storage": kind.storage, "nan": nan}
    if isinstance(kind, pd.ArrowDtype):
        return array, {"as": "arrow"}
    return array, {"as": "extension", "dtype": str(kind)}


def unpack(array: pa.ChunkedArray, how: How) -> pd.Series:
    """The column that `pack` was given."""
    array = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    match how["as"]:
        case "numpy":
            return pd.Series(_numbers(array, np.dtype(how["dtype"])))
        case "whole":
            return pd.Series(_numbers(array, np.dtype(np.int64)).view(np.dtype(how["dtype"])))
        case "zoned":
            moments = _numbers(array, np.dtype(np.int64)).view(f"datetime64[{how['unit']}]")
            return pd.Series(moments).dt.tz_localize("UTC").dt.tz_convert(how["zone"])
        case "texts":
            missing = MISSING[how["missing"]]
            return _series([missing if one is None else one for one in array.to_pylist()])
        case "cells":
            return _series([read_cell(json.loads(one)) for one in array.to_pylist()])
        case "category":
            return _category(array, how)
        case "string":
            missing = np.nan if how["nan"] else pd.NA
            kind = pd.StringDtype(storage=how["storage"], na_value=missing)
            return pd.Series(pd.array(array.to_pylist(), dtype=kind))
        case "arrow":
            return pd.Series(pd.arrays.ArrowExtensionArray(array))
        case "extension":
            return pd.Series(pd.array(array.to_pylist(), dtype=how["dtype"]))
    raise BundleError(f"a column is kept in a way that this release does not know: {how['as']!r}")


def _numbers(array: pa.Array, kind: np.dtype[Any]) -> np.ndarray[Any, Any]:
    return np.array(array.to_numpy(zero_copy_only=False), dtype=kind)


def _series(values: list[Any]) -> pd.Series:
    """A series of these objects unchanged: pandas would take lists for rows, and texts for its own type."""
    cells = np.empty(len(values), dtype=object)
    for place, value in enumerate(values):
        cells[place] = value
    return pd.Series(cells, dtype=object)


def _category(array: pa.Array, how: How) -> pd.Series:
    categories = pd.CategoricalDtype(read_labels(how["of"]), ordered=how["ordered"])
    codes = _numbers(array, np.dtype(np.int64))
    return pd.Series(pd.Categorical.from_codes(codes, dtype=categories))


def spell_labels(labels: pd.Index) -> How:
    """
    An index as JSON, for column names and the values of a category.

    Raises:
        BundleError: it holds values of a type that no bundle can keep.
    """
    if isinstance(labels, pd.RangeIndex):
        return {"as": "range", "span": [labels.start, labels.stop, labels.step]}
    array, how = pack(pd.Series(labels))
    return {"as": "values", "of": [spell_cell(one) for one in array.to_pylist()], "how": how}


def read_labels(spelled: How) -> pd.Index:
    """The index that `spell_labels` wrote."""
    if spelled["as"] == "range":
        return pd.RangeIndex(*spelled["span"])
    how, values = spelled["how"], [read_cell(one) for one in spelled["of"]]
    if how["as"] in ("numpy", "whole", "zoned", "category"):
        kind = how["dtype"] if how["as"] == "numpy" else "<i8"
        array = pa.array(np.array(values, dtype=np.dtype(kind)))
    else:
        array = pa.array(values, None if values and how["as"] in ("arrow", "extension") else pa.string())
    labels: pd.Index = pd.Index(unpack(array, how))
    return labels
